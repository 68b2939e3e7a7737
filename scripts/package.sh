#!/usr/bin/env bash
# Packages the library and the program as for a registry, says how large they are and what is in them, unpacks them
# outside the repository, and runs their own tests there: the library's with default features and with all. The
# program is built with the packaged library.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
most=1000000

# The working tree as it is: whether it is committed is not asked here.
cargo package --quiet -p gmlayer -p gmlayer-cli --no-verify --allow-dirty --locked --target-dir target
target=$(realpath target)

folder=$(mktemp -d -t gmlayer-package.XXXXXX)
trap 'rm -rf "$folder"' EXIT
for package in gmlayer gmlayer-cli; do
    archive=target/package/$package-$version.crate
    bytes=$(stat -c %s "$archive")
    echo "$package: $bytes bytes, $(tar tzf "$archive" | wc -l) files"
    [ "$bytes" -le $most ] || { echo "$archive: more than $most bytes" >&2; exit 1; }
    tar xzf "$archive" -C "$folder"
    for file in README.md LICENSE-MIT LICENSE-APACHE; do
        [ -f "$folder/$package-$version/$file" ] && [ ! -L "$folder/$package-$version/$file" ]
    done
    if tar tzf "$archive" | grep -E '/(experiments?|firmware|web|fuzz|ffi)/'; then
        echo "$archive: these files are no part of it" >&2
        exit 1
    fi
done

# A registry shows the README with relative links into the repository, beside the file that they are in.
python3 - <<'PY'
import re
from pathlib import Path
for readme in map(Path, ["README.md", "cli/README.md"]):
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", readme.read_text())
    wrong = [link for link in links if not (readme.parent / link).exists()]
    assert not wrong, f"{readme} links to what is not there: {wrong}"
    print(f"{readme}: {len(links)} links into the repository")
PY

# The program's package names the library by its version, which no registry has yet; its numerics are optimised as in
# the repository, whose profiles are not packaged with it.
mkdir "$folder/gmlayer-cli-$version/.cargo"
cat > "$folder/gmlayer-cli-$version/.cargo/config.toml" <<TOML
[patch.crates-io]
gmlayer = { path = "../gmlayer-$version" }

[profile.dev.package]
gmlayer = { opt-level = 2 }
libm = { opt-level = 2 }
num-traits = { opt-level = 2 }
rand_core = { opt-level = 2 }
rand_pcg = { opt-level = 2 }
TOML

# One target folder for all runs, so that dependencies are built once. The packages themselves are built anew: their files
# have one date for ever, and their tests remember in which folder they were built.
export CARGO_TARGET_DIR=$target/package-tests
(cd "$folder/gmlayer-$version" && cargo clean --quiet -p gmlayer)
(
    cd "$folder/gmlayer-$version"
    cargo test --quiet --locked
    # Without the combinations of extreme numbers, which take a minute and have been tried above.
    cargo test --quiet --locked --all-features -- --skip hostile_numbers
)
(cd "$folder/gmlayer-cli-$version" && cargo clean --quiet -p gmlayer -p gmlayer-cli && cargo test --quiet)
