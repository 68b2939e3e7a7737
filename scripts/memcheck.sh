#!/usr/bin/env bash
# The `unsafe` code under Valgrind's memcheck: the tests of the kernels, and every seed and finding of the fuzz targets
# `layer` and `differential`. Valgrind has no AVX-512, so this is the way of AVX2; the fuzzer runs the other under
# AddressSanitizer (fuzz/run.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v valgrind >/dev/null; then
    echo "SKIPPED: there is no valgrind: the kernels are not checked for wrong accesses" >&2
    exit 0
fi
host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
export GMLAYER_INSTRUCTIONS=avx2
export "CARGO_TARGET_${host}_RUNNER=valgrind --quiet --error-exitcode=99 --leak-check=no --fair-sched=yes"
cargo test --workspace --locked --lib -- kernel:: --test-threads 1
cargo test --locked --manifest-path fuzz/Cargo.toml --no-default-features --target-dir target --test replay \
    -- --exact layer differential --test-threads 1
