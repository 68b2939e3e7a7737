#!/usr/bin/env bash
# Builds the library and the program with the oldest Rust that Cargo.toml names, and with the oldest versions of the
# dependencies that it allows. Where a toolchain is missing and cannot be had, says so and goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
rust_version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# Whether a toolchain is there, or comes within two minutes.
toolchain() {
    rustup run "$1" rustc --version 2>/dev/null ||
        timeout 120 rustup toolchain install "$1" --profile minimal --no-self-update >/dev/null 2>&1
}

if toolchain "$rust_version"; then
    for features in "" alloc "std,rand,threads,checkpoint"; do
        cargo "+$rust_version" check --locked -p gmlayer --lib --no-default-features --features "$features" \
            --target-dir target/oldest-rust
    done
    cargo "+$rust_version" check --locked -p gmlayer-cli --target-dir target/oldest-rust
else
    echo "SKIPPED: Rust $rust_version is not installed and cannot be had: its build is not checked" >&2
fi

# Resolving with the oldest versions takes an option of the nightly cargo; the build is that of the stable compiler.
# --direct: dependencies of dependencies are as new as ever, since many state versions that they do not build with.
if rustup run nightly cargo --version 2>/dev/null; then
    copy=target/oldest-versions
    mkdir -p "$copy"
    rm -rf "$copy"/{src,cli,tests,examples,benches}
    # As it is in the working tree, without what is built.
    git ls-files -z -- Cargo.toml src cli tests examples benches README.md | xargs -0 cp --parents -t "$copy"
    (
        cd "$copy"
        # The tests' dependencies would raise those of the library.
        python3 - <<'PY'
import re
for path in ["Cargo.toml", "cli/Cargo.toml"]:
    text = open(path).read()
    text = re.sub(r"\[(target\.[^]]*\.)?dev-dependencies\].*?(?=\n\[)", "", text, flags=re.S)
    text = re.sub(r"\[\[(example|bench)\]\].*?(?=\n\[)", "", text, flags=re.S)
    open(path, "w").write(text.replace('"cli", "experiments", "tests/codegen/program"', '"cli"'))
PY
        rm -f Cargo.lock
        cargo +nightly update -Z direct-minimal-versions
        cargo check --lib -p gmlayer --all-features
        cargo check -p gmlayer-cli
    )
else
    echo "SKIPPED: there is no nightly toolchain: the oldest versions of the dependencies are not checked" >&2
fi
