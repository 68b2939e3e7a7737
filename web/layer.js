// The layer in WebAssembly: numbers in, numbers out.

import { INPUTS, OUTPUTS } from "./checkpoint.js";

export class Layer {
    #wasm;

    constructor(instance) {
        this.#wasm = instance.exports;
        this.count = 0;
    }

    // Takes the layer of a checkpoint; false where there is no room for it.
    take({ layer, parameters }) {
        const { kind, components, rank, centred, tied, sum } = layer;
        const taken =
            kind === "diagonal"
                ? this.#wasm.diagonal(components, Boolean(centred), Boolean(sum))
                : this.#wasm.joint(components, rank, Boolean(tied), Boolean(sum));
        if (taken) {
            this.#view(this.#wasm.parameters(), parameters.length).set(parameters);
            this.count = components;
        }
        return Boolean(taken);
    }

    // The ten scores of an image of 784 numbers from 0 to 1, which the calls below are about too.
    scores(image) {
        this.#view(this.#wasm.image(), INPUTS).set(image);
        this.#wasm.predict();
        return this.#view(this.#wasm.scores(), OUTPUTS).slice();
    }

    // Of each component: what it adds to each score, and of the input of its neurons the mean and the standard deviation,
    // with the part of the neurons that fire, their input being above 0.
    components() {
        this.#wasm.explain();
        const shares = this.#view(this.#wasm.shares(), this.count * OUTPUTS);
        const inputs = this.#view(this.#wasm.inputs(), this.count * 3);
        return Array.from({ length: this.count }, (_, index) => {
            const [mean, deviation, firing] = inputs.subarray(3 * index, 3 * index + 3);
            return { index, shares: shares.slice(index * OUTPUTS, (index + 1) * OUTPUTS), mean, deviation, firing };
        });
    }

    // How each pixel moves a score, or what one component adds to it.
    slope(score, component) {
        if (component === undefined) {
            this.#wasm.slope(score);
        } else {
            this.#wasm.component_slope(component, score);
        }
        return this.#view(this.#wasm.slopes(), INPUTS).slice();
    }

    #view(address, length) {
        return new Float32Array(this.#wasm.memory.buffer, address, length);
    }
}
