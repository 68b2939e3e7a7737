// Compares the WebAssembly module with the program: node web/test.mjs GMLAYER FOLDER [DATA]
//
// GMLAYER is the program, FOLDER takes what is written, DATA is a folder with the four MNIST files; without it images of
// noise are compared. The model of the page and one of every kind of layer, with the state of their training, give the
// program's classes and scores; what the components add is the scores, and so is what the pixels add; the inputs of a
// component's neurons are those of its definition; other models are refused by a sentence.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { INPUTS, OUTPUTS, readCheckpoint } from "./checkpoint.js";
import { normalise } from "./image.js";
import { Layer } from "./layer.js";

const BOUND = 1e-5; // of a score, relative to the largest |score| of its image
const [program, folder, data] = process.argv.slice(2);
const here = new URL(".", import.meta.url).pathname;
mkdirSync(folder, { recursive: true });
const run = (...line) => execFileSync(program, line, { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });
const source = data ? ["--data", data] : [];

const file = `${here}gmlayer.wasm`;
const { instance, module } = await WebAssembly.instantiate(readFileSync(file));
assert.deepEqual(WebAssembly.Module.imports(module), []);
const layer = new Layer(instance);
const arrayBuffer = (path) => new Uint8Array(readFileSync(path)).buffer;

function images() {
    if (data) {
        const bytes = gunzipSync(readFileSync(`${data}/t10k-images-idx3-ubyte.gz`)).subarray(16);
        return bytes;
    }
    let state = 1;
    return Uint8Array.from({ length: 1000 * INPUTS }, () => (state = (state * 48271) % 2147483647) & 255);
}

const pixels = images();
const count = pixels.length / INPUTS;
const head = Buffer.alloc(16);
[2051, count, 28, 28].forEach((word, place) => head.writeInt32BE(word, 4 * place));
writeFileSync(`${folder}/images`, Buffer.concat([head, pixels]));
const ink = Float32Array.from(pixels, (pixel) => pixel / 255);
const image = (index) => ink.subarray(index * INPUTS, (index + 1) * INPUTS);
const classOf = (scores) => scores.indexOf(Math.max(...scores));
const largest = (scores) => Math.max(...scores.map(Math.abs), Number.MIN_VALUE);
const relative = (got, want) => Math.max(...want.map((value, place) => Math.abs(got[place] - value))) / largest(want);
const sum = (values) => values.reduce((total, value) => total + value, 0);

// Mean and deviation of the input of a component's neurons, and the part of them that fire, from the parameters.
function inputOf({ layer: { kind, components: k, rank, tied }, parameters }, index, x) {
    const row = (start, place) => parameters.subarray(start + place * INPUTS, start + (place + 1) * INPUTS);
    const dot = (weights) => sum([...weights].map((weight, pixel) => weight * x[pixel]));
    const start = kind === "diagonal" ? 0 : k * OUTPUTS * (1 + rank);
    const mean = dot(row(start, index));
    const after = start + k * INPUTS;
    const parts =
        kind === "diagonal"
            ? [...row(after, index)].map((sigma, pixel) => sigma * x[pixel])
            : Array.from({ length: rank }, (_, factor) => dot(row(after, factor + (tied ? 0 : index * rank))));
    const deviation = Math.hypot(...parts);
    return [mean, deviation, cumulative(mean / deviation)];
}

// Φ(t), by the midpoint rule.
function cumulative(t) {
    const [from, steps] = [-9, 4000];
    const width = (Math.max(t, from) - from) / steps;
    const middles = Array.from({ length: steps }, (_, step) => from + (step + 0.5) * width);
    return (sum(middles.map((z) => Math.exp((-z * z) / 2))) * width) / Math.sqrt(2 * Math.PI);
}

// The scores of all images against the program's: classes that differ, and the largest difference.
function compareScores(path) {
    const lines = run("predict", path, "--images", `${folder}/images`, "--json").trim().split("\n");
    const start = performance.now();
    const got = lines.map((_, index) => [...layer.scores(image(index))]);
    const time = (1000 * (performance.now() - start)) / count;
    const want = lines.map((line) => JSON.parse(line).scores);
    const classes = got.filter((scores, index) => classOf(scores) !== classOf(want[index])).length;
    return { classes, scores: Math.max(...got.map((scores, index) => relative(scores, want[index]))), time };
}

// How far the sums of an image's explanations are from its scores, and the inputs from their definition.
function compareExplanations(model, index) {
    const x = image(index);
    const scores = [...layer.scores(x)];
    const components = layer.components();
    const score = classOf(scores);
    const one = components[index % components.length];
    const times = (slope) => sum([...slope].map((value, pixel) => value * x[pixel]));
    const pixels = [times(layer.slope(score)) - scores[score], times(layer.slope(score, one.index)) - one.shares[score]];
    const [mean, deviation, firing] = inputOf(model, one.index, x);
    const inputs = [(one.mean - mean) / deviation, one.deviation / deviation - 1, one.firing - firing];
    return {
        shares: relative(scores.map((_, place) => sum(components.map(({ shares }) => shares[place]))), scores),
        pixels: Math.max(...pixels.map(Math.abs)) / largest(scores),
        inputs: Math.max(...inputs.map(Math.abs)),
    };
}

function compare(name, path) {
    const model = readCheckpoint(arrayBuffer(path));
    assert(layer.take(model), name);
    const { classes, scores, time } = compareScores(path);
    const explanations = Array.from({ length: 50 }, (_, index) => compareExplanations(model, index));
    const worst = (what) => Math.max(...explanations.map((explanation) => explanation[what]));
    const errors = { scores, shares: worst("shares"), pixels: worst("pixels"), inputs: worst("inputs") };
    const listed = Object.entries(errors).map(([what, error]) => `${what} ${error.toExponential(1)}`);
    console.log(`${name}: ${classes} of ${count} classes differ, ${listed.join(", ")}; ${time.toFixed(0)} µs a prediction`);
    assert(classes === 0 && Object.values(errors).every((error) => error <= BOUND), name);
}

function refused(sentence, options) {
    const path = `${folder}/refused`;
    run("train", ...options, "--epochs", "1", "--train-images", "200", "--save", path);
    assert.throws(() => readCheckpoint(arrayBuffer(path)), { message: sentence });
}

console.log(`gmlayer.wasm: ${statSync(file).size} bytes; model.safetensors: ${statSync(`${here}model.safetensors`).size} bytes`);
compare("the page's model", `${here}model.safetensors`);
const kinds = {
    diagonal: ["--components", "20"],
    "diagonal, centred, sum": ["--components", "5", "--coordinates", "centred", "--scale", "sum", "--optimizer", "adam"],
    joint: ["--model", "joint", "--optimizer", "adam"],
    tied: ["--model", "joint", "--tied", "--rank", "16", "--scale", "sum", "--optimizer", "adam"],
};
for (const [name, options] of Object.entries(kinds)) {
    const path = `${folder}/${name}`;
    run("train", ...options, ...source, "--epochs", "1", "--save", path);
    compare(name, path);
}

refused(/has the layers dense, relu, dense\.$/, ["--model", "dense", "--width", "4"]);
refused(/has the layers diagonal, diagonal\.$/, ["--hidden", "4", "--components", "1"]);
refused(/has 64 inputs and 10 outputs\.$/, ["--side", "8", "--components", "1"]);
const good = arrayBuffer(`${here}model.safetensors`);
assert.throws(() => readCheckpoint(new ArrayBuffer(4)), /not a model that gmlayer has saved/);
assert.throws(() => readCheckpoint(good.slice(0, good.byteLength - 4)), /ends too early/);
const text = new TextEncoder().encode(JSON.stringify({ __metadata__: { gmlayer: '{"version":2}' } }));
assert.throws(() => readCheckpoint(new Uint8Array([text.length, ...new Uint8Array(7), ...text]).buffer), /not a model that/);
const large = { kind: "joint", components: 1 << 20, rank: 4, parameters: new Float32Array(0) };
assert(!layer.take({ layer: large, parameters: large.parameters }));

// A drawing anywhere and of any size is the same image, its centre of mass in the middle, at most 20 pixels high.
const drawing = (x, y, size) =>
    Float32Array.from({ length: 280 * 280 }, (_, place) => {
        const [column, row] = [(place % 280) - x, Math.floor(place / 280) - y];
        const inside = column >= 0 && row >= 0 && column < size && row < 2 * size;
        return inside && (row < size / 2 || column >= size / 2) ? 1 : 0;
    });
const small = normalise(drawing(20, 30, 40), 280);
assert.deepEqual(normalise(drawing(100, 50, 80), 280), small);
const rows = [...small.keys()].filter((place) => small[place] > 0).map((place) => Math.floor(place / 28));
assert.equal(Math.max(...rows) - Math.min(...rows) + 1, 20);
const centre = (along) => sum([...small].map((value, place) => value * (along(place) + 0.5))) / sum(small);
assert(Math.abs(centre((place) => place % 28) - 14) <= 0.5 && Math.abs(centre((place) => Math.floor(place / 28)) - 14) <= 0.5);
assert.deepEqual(normalise(new Float32Array(280 * 280), 280), new Float32Array(INPUTS));
console.log("refusals and the centring of drawings: as expected");
