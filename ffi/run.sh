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
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
gcc -std=c11 -O2 -Wall -Wextra -Werror -DVERSION="\"$version\"" -I $out tests/digits.c ../firmware/target/release/libgmlayer_c.a -o $out/digits
value() {
    sed -n "s/.*$1.*$2: \(0x[0-9a-f]*\).*/\1/p" $data/expected.rs
}
$out/digits $data $out "$(value 'const F32' checksum)" "$(value 'const F16' checksum)" "$(value 'const I8' checksum)" \
    "$(value Training parameters)"

echo "== beside other Rust code"
library=$(realpath ../firmware/target/release/libgmlayer_c.a)
# Two files, so that each pulls its whole object in: a static library with the standard library, and a program.
rustc --edition 2024 --crate-type staticlib -o $out/libother.a tests/other.rs
gcc -std=c11 -O2 -Wall -Wextra -Werror tests/beside.c "$library" $out/libother.a -o $out/beside -lpthread -ldl -lm
gcc -std=c11 -O2 -Wall -Wextra -Werror tests/beside.c $out/libother.a "$library" -o $out/beside_other_order -lpthread -ldl -lm
rustc --edition 2024 -o $out/program tests/program.rs -C link-arg="$library"
for program in beside beside_other_order program; do
    $out/$program
done

echo "== the library for a Cortex-M4F"
bare_cargo thumbv7em-none-eabihf build -q --release --locked -p gmlayer-ffi

echo "== no name but the header's"
need nm binutils
if nm --defined-only ../firmware/target/release/libgmlayer_c.a 2>/dev/null |
    sed -n '/^gmlayer_c-/,/^$/p' | grep ' [A-Z] ' | grep -v ' [TR] gmlayer_'; then
    echo "the library defines what is printed above, which other libraries may define too" >&2
    exit 1
fi

echo "== neither a panic nor a global variable in it"
nm --defined-only ../firmware/target/thumbv7em-none-eabihf/release/libgmlayer_c.a >$out/symbols 2>/dev/null
grep -q " T gmlayer_model_forward" $out/symbols
if grep -iE "panic| [bd] " $out/symbols; then
    echo "the library has what is printed above" >&2
    exit 1
fi
