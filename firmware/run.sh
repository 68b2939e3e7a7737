#!/usr/bin/env bash
# Builds the images for three targets, runs them under QEMU, and the core as WebAssembly under node; prints what the
# images cost, and fails unless all gave the bits of the host and every budget held. `bash firmware/run.sh --update`
# writes what is compared: the models, the results of the host and the costs.
set -euo pipefail
cd "$(dirname "$0")"
. ../scripts/bare-metal.sh
targets=(thumbv7em-none-eabihf thumbv6m-none-eabi riscv32imac-unknown-none-elf)

need qemu-system-arm qemu-system-arm
need qemu-system-riscv32 qemu-system-misc
need size binutils
need node nodejs

update=${1:-}
same() {
    if [ "$update" = --update ]; then
        cp "$1" "$2"
    fi
    cmp "$1" "$2"
}

echo "== the models are what the program exports"
data=images/data
cargo build -q --release --locked --manifest-path ../Cargo.toml -p gmlayer-cli
gmlayer=${CARGO_TARGET_DIR:-../target}/release/gmlayer
mkdir -p target/export
for precision in f32 f16 i8; do
    "$gmlayer" export $data/model.safetensors --side 8 --format rust --precision $precision \
        --output target/export/model_$precision.rs
    same target/export/model_$precision.rs $data/model_$precision.rs
done
"$gmlayer" export $data/start.safetensors --side 8 --format rust --parameters --output target/export/start.rs
same target/export/start.rs $data/start.rs

echo "== the samples and results are what the host computes"
if [ "$update" = --update ]; then
    cargo run -q --release --locked -p host -- write
fi
cargo run -q --release --locked -p host

echo "== build"
for target in "${targets[@]}"; do
    bare_cargo "$target" build -q --release --locked -p images
done

echo "== WebAssembly"
bare_cargo wasm32-unknown-unknown build -q --release --locked -p wasm
node wasm/run.mjs target/wasm32-unknown-unknown/release/wasm.wasm

echo "== run"
python3 measure.py $update
