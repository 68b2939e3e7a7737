# Sourced by the scripts that build without an operating system.
#
# `bare_cargo TARGET ARGUMENTS...` runs cargo for a target: with rustup's core library where the target is installed;
# elsewhere it builds Rust's own with Debian's compiler and its sources (packages rustc-web and rust-web-src), as a
# machine needs that cannot download targets. `need PROGRAM PACKAGE` installs a Debian package where the program is
# missing.

need() {
    if ! command -v "$1" >/dev/null; then
        install_packages "$2"
    fi
}

install_packages() {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

bare_cargo() {
    local target=$1 sysroot linker
    shift
    sysroot=$(rustc --print sysroot)
    if [ -d "$sysroot/lib/rustlib/$target" ]; then
        cargo "$@" --target "$target"
        return
    fi
    if ! [ -e /usr/lib/rustlib/src/rust ]; then
        install_packages rustc-web rust-web-src
    fi
    # rustup's linker serves Debian's compiler too.
    linker=$sysroot/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
    PATH="$linker:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 cargo "$@" -Z build-std=core --target "$target"
}
