#!/usr/bin/env bash
# Builds the core for a Cortex-M4F (thumbv7em-none-eabihf) with no feature and no allocator.
# Takes the target from rustup where it is installed; otherwise builds Rust's own core library with Debian's
# compiler and its sources (packages rustc-web and rust-web-src), as a machine needs that cannot download
# targets.
set -euo pipefail
cd "$(dirname "$0")"
target=thumbv7em-none-eabihf

if [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    cargo build --release --locked --target "$target"
else
    if ! [ -e /usr/lib/rustlib/src/rust ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rustc-web rust-web-src
    fi
    # rustup's linker serves Debian's compiler too.
    linker=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
    PATH="$linker:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
        cargo build --release --locked -Z build-std=core --target "$target"
fi
ls -l "target/$target/release/libno_std_check.a"
