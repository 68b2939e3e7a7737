#!/usr/bin/env bash
# Builds web/gmlayer.wasm, with vector instructions (simd128).
set -euo pipefail
cd "$(dirname "$0")"
. ../scripts/bare-metal.sh
RUSTFLAGS="-C target-feature=+simd128" bare_cargo wasm32-unknown-unknown build -q --release --locked
cp "${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/release/gmlayer_web.wasm" gmlayer.wasm
ls -l gmlayer.wasm
