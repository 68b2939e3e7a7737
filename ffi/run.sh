#!/usr/bin/env bash
# Builds the static library, compares its header with what cbindgen writes, and lets a C program classify the exported
# digits and train: it must get the bits that Rust gets. `bash ffi/run.sh --update` writes the header.
set -euo pipefail
cd "$(dirname "$0")"
. ../scripts/bare-metal.sh
need gcc gcc
out=../firmware/target/ffi
data=../firmware/images/data
mkdir -p $out

echo "== the header"
version=0.29.4
tools=../target/tools
if ! [ "$("$tools/bin/cbindgen" --version 2>/dev/null)" = "cbindgen $version" ]; then
    cargo install --quiet --locked --debug cbindgen --version $version --root $tools
fi
"$tools/bin/cbindgen" --quiet --config cbindgen.toml --output $out/gmlayer.h .
if [ "${1:-}" = --update ]; then
    cp $out/gmlayer.h include/gmlayer.h
fi
diff -u include/gmlayer.h $out/gmlayer.h

echo "== the exported models"
cargo build -q --release --locked --manifest-path ../Cargo.toml -p gmlayer-cli
gmlayer=${CARGO_TARGET_DIR:-../target}/release/gmlayer
for precision in f32 f16 i8; do
    for format in c bin; do
        ending=$([ $format = c ] && echo h || echo bin)
        "$gmlayer" export $data/model.safetensors --side 8 --format $format --precision $precision \
            --output $out/model_$precision.$ending >/dev/null
    done
done
"$gmlayer" export $data/start.safetensors --side 8 --format c --parameters --output $out/start.h >/dev/null

echo "== the C program"
cargo build -q --release --locked -p gmlayer-ffi
gcc -std=c11 -O2 -Wall -Wextra -Werror -I $out tests/digits.c ../firmware/target/release/libgmlayer_c.a -o $out/digits
value() {
    sed -n "s/.*$1.*$2: \(0x[0-9a-f]*\).*/\1/p" $data/expected.rs
}
$out/digits $data $out "$(value 'const F32' checksum)" "$(value 'const F16' checksum)" "$(value 'const I8' checksum)" \
    "$(value Training parameters)"

echo "== the library for a Cortex-M4F"
bare_cargo thumbv7em-none-eabihf build -q --release --locked -p gmlayer-ffi

echo "== neither a panic nor a global variable in it"
need nm binutils
nm --defined-only ../firmware/target/thumbv7em-none-eabihf/release/libgmlayer_c.a >$out/symbols 2>/dev/null
grep -q " T gmlayer_model_forward" $out/symbols
if grep -iE "panic| [bd] " $out/symbols; then
    echo "the library has what is printed above" >&2
    exit 1
fi
