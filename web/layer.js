// The layer in WebAssembly: numbers in, numbers out.

import { INPUTS, OUTPUTS } from "./checkpoint.js";

export class Layer {
    #wasm;

    constructor(instance) {
        this.#wasm = instance.exports;
        this.components = 0;
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
            this.components = components;
        }
        return Boolean(taken);
    }

    // The ten scores of an image of 784 numbers from 0 to 1, which the calls below are about too.
    scores(image) {
        this.#view(this.#wasm.image(), INPUTS).set(image);
        this.#wasm.predict();
        return this.#view(this.#wasm.scores(), OUTPUTS).slice();
    }

    // What each component adds to each score.
    shares() {
        this.#wasm.explain();
        const all = this.#view(this.#wasm.shares(), this.components * OUTPUTS);
        return Array.from({ length: this.components }, (_, k) => all.slice(k * OUTPUTS, (k + 1) * OUTPUTS));
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
