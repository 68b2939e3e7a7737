#!/usr/bin/env bash
# Fuzzes one target for some seconds on the stable compiler: fuzz/run.sh TARGET SECONDS.
#
# cargo-fuzz does the same with a nightly one: cargo +nightly fuzz run TARGET fuzz/seeds/TARGET. New inputs go to
# target/fuzz/corpus, findings to fuzz/findings, which is kept in the repository and replayed by every test run.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1 seconds=$2
host=$(rustc -vV | sed -n 's/^host: //p')

# What cargo-fuzz passes: coverage counters, comparisons, every check of a debug build; AddressSanitizer for the targets
# that reach `unsafe` code of this crate.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks"
case $target in
differential | layer) RUSTFLAGS+=" -Zsanitizer=address" ;;
esac
cargo build --release --locked --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --target "$host" --bin "$target"

mkdir -p "target/fuzz/corpus/$target" "fuzz/findings/$target"
exec "target/fuzz/$host/release/$target" "target/fuzz/corpus/$target" "fuzz/seeds/$target" \
    -artifact_prefix="fuzz/findings/$target/" -max_total_time="$seconds" -timeout=300 -rss_limit_mb=2048 \
    -print_final_stats=1 "${@:3}"
