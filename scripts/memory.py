"""Measures the peak memory (resident) of the program and fails where it is more than docs/ROBUSTNESS.md promises.

    cargo build --release -p gmlayer-cli
    python3 scripts/memory.py target/release/gmlayer [FOLDER WITH MNIST]

Without a folder, images of the sizes and numbers of MNIST are made up. Linux.
"""

import random
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# What the program takes beside data and model: itself, its libraries, buffers.
PROGRAM = 8 * 2**20


def peak(*command):
    """The largest resident memory of a run, in bytes: the system's own mark (VmHWM), read until the run has ended."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        # Since it has become this program: getrusage would count the script's own memory before that.
        status = Path(f"/proc/{process.pid}/status").read_text()
        if found := re.search(r"VmHWM:\s+(\d+) kB", status):  # absent once it has ended
            most = max(most, 1024 * int(found.group(1)))
        time.sleep(0.002)
    assert process.returncode == 0, command
    return most


def write_folder(folder, side, counts):
    """IDX files of made-up images in ten classes, which are told apart by their brightness."""
    folder.mkdir()
    rows = [bytes(min(255, random.randrange(25) * (1 + label)) for _ in range(side * side)) for label in range(10)]
    for part, count in counts.items():
        with open(folder / f"{part}-images-idx3-ubyte", "wb") as file:
            file.write(struct.pack(">4B3I", 0, 0, 8, 3, count, side, side))
            for _ in range(count // 10):
                file.write(b"".join(rows))
        with open(folder / f"{part}-labels-idx1-ubyte", "wb") as file:
            file.write(struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(range(10)) * (count // 10))


def report(what, got, most, note):
    print(f"{what:<52} {got / 2**20:7.1f} MiB, at most {most / 2**20:7.1f}: {note}")
    assert got <= most, what


def main(program, data=None):
    random.seed(7)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if data is None:
            data = folder / "data"
            write_folder(data, 28, {"train": 60_000, "t10k": 10_000})
        model = folder / "model.safetensors"
        train = [program, "train", "--data", data, "--components", 20, "--save", model]
        short, long = [peak(*train, "--epochs", epochs) for epochs in (2, 10)]
        samples, parameters = 70_000 * (28 * 28 + 1), 4 * 188_360
        report("MNIST, K = 20, 2 epochs", short, 1.5 * (samples + parameters), "1.5 (data + model)")
        report("MNIST, K = 20, 10 epochs", long, short + 2**20, "that of 2 epochs and 1 MiB")

        wide = folder / "million"
        write_folder(wide, 8, {"train": 1_000_000, "t10k": 1000})
        train = [program, "train", "--data", wide, "--components", 1, "--epochs", 1, "--save", model]
        samples = 1_001_000 * (8 * 8 + 1)
        report("a million images of 8 × 8, training", peak(*train), 1.1 * samples + PROGRAM, "1.1 data + program")
        images = wide / "train-images-idx3-ubyte"
        report("the same, predicting", peak(program, "predict", model, "--images", images), PROGRAM, "program")


if __name__ == "__main__":
    main(*sys.argv[1:])
