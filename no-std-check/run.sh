#!/usr/bin/env bash
# Links an image that calls every entry point of the core, in f32 and f64, without std, on this machine and for a
# Cortex-M4F: that it links proves that no panic and no allocation can be reached. Then puts in by hand what must be
# refused, and sees that it is.
set -euo pipefail
cd "$(dirname "$0")"
. ../scripts/bare-metal.sh
bare=thumbv7em-none-eabihf

# refused MESSAGE COMMAND...: the command fails, and says so.
refused() {
    local message=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "this was not refused: $*" >&2
        return 1
    fi
    if ! grep -q "$message" <<<"$output"; then
        printf '%s\nthis does not say: %s\n' "$output" "$message" >&2
        return 1
    fi
    echo "refused as it should be: ${*: -1}"
}

# Every public function of the core is called, by its name at least: what belongs to a feature is not core, be it a
# file or a function.
files=$(find ../src/compact ../src/diagonal ../src/gradcheck ../src/joint ../src/mixture ../src/normal ../src/shape ../src/*.rs -name '*.rs' \
    ! -name aligned.rs ! -name initialise.rs ! -name instructions.rs ! -name neurons.rs ! -name random.rs ! -name threads.rs)
names=$(perl -0777 -ne 's/#\[cfg\(feature.*\n(\s*#\[.*\n)*\s*pub (const )?fn//g;
    print "$_\n" for /^\s*pub (?:const )?fn (\w+)/mg' $files | sort -u)
for name in $names; do
    grep -qw "$name" src/*.rs || { echo "no entry calls $name" >&2; exit 1; }
done
echo "$(wc -w <<<"$names") public functions are called"

on_this_machine() {
    local status=0
    echo "== on this machine"
    cargo build -q --release --locked --target-dir target/host
    target/host/release/no-std-check || status=$?
    [ "$status" = 42 ] || { echo "the image ended with status $status" >&2; exit 1; }
    set -- cargo build --release --locked --target-dir target/host --features
    refused "undefined.*a_panic_is_reachable" "$@" inject-panic
    refused "no global memory allocator" "$@" inject-alloc
    refused "duplicate lang item.*panic_impl\|found duplicate lang item" "$@" inject-std
}

on_bare_metal() {
    echo "== on $bare"
    bare_cargo $bare build -q --release --locked
    refused "undefined.*a_panic_is_reachable" bare_cargo $bare build --release --locked --features inject-panic
    refused "AtomicU64" bare_cargo $bare build --release --locked --features inject-atomic
}

# Each links on one core, so both at once.
mkdir -p target
on_bare_metal >target/bare-metal.log 2>&1 &
on_this_machine
wait $! || { cat target/bare-metal.log; exit 1; }
cat target/bare-metal.log
