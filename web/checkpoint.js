// Reads a network of one layer from a safetensors file.

export const INPUTS = 784;
export const OUTPUTS = 10;
const VERSION = 2;

// The blocks of a layer with their sizes, in the order of the flat parameters.
function blocksOf({ kind, components: k, rank: r, tied }) {
    if (kind === "diagonal") {
        return { mu: [k, INPUTS], sigma: [k, INPUTS], u: [k, OUTPUTS, INPUTS], v: [k, OUTPUTS] };
    }
    return { mu_w: [k, OUTPUTS], c_w: [k, r, OUTPUTS], mu_b: [k, INPUTS], c_b: tied ? [r, INPUTS] : [k, r, INPUTS] };
}

function header(buffer) {
    try {
        const length = Number(new DataView(buffer).getBigUint64(0, true));
        const tensors = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
        const { version, layers } = JSON.parse(tensors.__metadata__.gmlayer);
        return { tensors, start: 8 + length, version, kinds: layers.map(({ kind }) => kind), layer: layers[0] };
    } catch {
        throw new Error("This is not a model that gmlayer has saved.");
    }
}

// What each component looks at: its mean weights, or with a diagonal covariance, whose means stay about as random as they
// start, by how much more than the least its weights spread.
function picturesOf({ kind, components: k, rank }, parameters) {
    const diagonal = kind === "diagonal";
    const start = k * (diagonal ? INPUTS : OUTPUTS * (1 + rank));
    return Array.from({ length: k }, (_, index) => {
        const weights = parameters.subarray(start + index * INPUTS, start + (index + 1) * INPUTS);
        if (!diagonal) {
            return weights;
        }
        const spread = weights.map(Math.abs);
        const least = Math.min(...spread);
        return spread.map((value) => value - least);
    });
}

// The layer, its parameters and a picture of each component; throws an Error whose message is one sentence for the user.
export function readCheckpoint(buffer) {
    const { tensors, start, version, kinds, layer } = header(buffer);
    if (version !== VERSION) {
        throw new Error(`The file has version ${version} of the format, but this page reads version ${VERSION}.`);
    }
    if (kinds.length !== 1 || !["diagonal", "joint"].includes(kinds[0])) {
        throw new Error(`This page shows one diagonal or joint layer, but the model has the layers ${kinds.join(", ")}.`);
    }
    if (layer.inputs !== INPUTS || layer.outputs !== OUTPUTS) {
        throw new Error(
            `This page draws 28 × 28 pixels for 10 classes (784 inputs, 10 outputs), but the model has ${layer.inputs} inputs and ${layer.outputs} outputs.`,
        );
    }
    const blocks = Object.entries(blocksOf(layer)).map(([name, sizes]) => {
        const tensor = tensors[`0.${name}`];
        if (tensor?.dtype !== "F32" || String(tensor.shape) !== String(sizes)) {
            throw new Error(`The model's block ${name} is missing or has other sizes than its description says.`);
        }
        const [from, to] = tensor.data_offsets ?? [];
        const bytes = buffer.slice(start + from, start + to);
        if (bytes.byteLength !== 4 * sizes.reduce((product, size) => product * size, 1)) {
            throw new Error("The file ends too early: it is damaged.");
        }
        return [...new Float32Array(bytes)];
    });
    const parameters = Float32Array.from(blocks.flat());
    if (!parameters.every(Number.isFinite)) {
        throw new Error("The model holds numbers that are not finite.");
    }
    return { layer, parameters, pictures: picturesOf(layer, parameters) };
}
