// Runs the WebAssembly module that is named on the command line: every `same_...` must return true.
import { readFileSync } from "node:fs";

const module = await WebAssembly.compile(readFileSync(process.argv[2]));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) {
    console.error("the module imports something", imports);
    process.exit(1);
}
const { exports } = await WebAssembly.instantiate(module, {});
const checks = Object.keys(exports).filter((name) => name.startsWith("same_"));
let passed = 0;
for (const name of checks) {
    const same = exports[name]() === 1;
    console.log(`${name}: ${same}`);
    passed += same ? 1 : 0;
}
process.exit(checks.length === 4 && passed === 4 ? 0 : 1);
