// Keeps of a saved model what the page reads, without the state of its training: node web/slim.mjs MODEL OUT

import { readFileSync, writeFileSync } from "node:fs";

const [model, out] = process.argv.slice(2);
const file = readFileSync(model);
const start = 8 + Number(file.readBigUInt64LE(0));
const { __metadata__: metadata, ...tensors } = JSON.parse(file.subarray(8, start));
const { version, layers } = JSON.parse(metadata.gmlayer);
const header = { __metadata__: { gmlayer: JSON.stringify({ version, layers }) } };
const data = [];
let length = 0;
for (const [name, tensor] of Object.entries(tensors).filter(([name]) => /^\d+\.[a-z_]+$/.test(name))) {
    const bytes = file.subarray(...tensor.data_offsets.map((offset) => start + offset));
    header[name] = { ...tensor, data_offsets: [length, length + bytes.length] };
    data.push(bytes);
    length += bytes.length;
}
const text = Buffer.from(JSON.stringify(header));
const padded = Buffer.concat([text, Buffer.alloc(-text.length & 7, " ")]);
const size = Buffer.alloc(8);
size.writeBigUInt64LE(BigInt(padded.length));
writeFileSync(out, Buffer.concat([size, padded, ...data]));
