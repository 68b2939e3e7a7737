"""Exports networks of every kind of layer as ONNX, checks the files, and compares onnxruntime with the program.

    python3 interop/onnx_check.py GMLAYER FOLDER [DATA]

GMLAYER is the program, FOLDER takes what is written, DATA is a folder with the four MNIST files; without it the networks
are trained on the built-in digits and compared on images of noise. onnx and onnxruntime are needed.
"""

import gzip
import json
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

BOUND = 1e-4  # of a score, relative to the largest |score| of its row
NETWORKS = {
    "diagonal": "--components 20",
    "diagonal, centred, sum": "--components 10 --coordinates centred --scale sum --optimizer adam",
    "joint": "--model joint --components 20 --rank 4 --optimizer adam",
    "tied": "--model joint --tied --components 32 --rank 16 --scale sum --optimizer adam --learning-rate 0.004",
    "dense, relu, dense": "--model dense --width 100 --optimizer adam",
    "two joint layers": "--model joint --hidden 16 --components 8 --rank 4 --optimizer adam",
    "two diagonal layers": "--model diagonal --hidden 16 --components 4",
}


def run(*arguments):
    return subprocess.run([str(argument) for argument in arguments], check=True, capture_output=True, text=True).stdout


def write_idx(path, images):
    path.write_bytes(struct.pack(">4i", 2051, *images.shape) + images.tobytes())


def test_images(data):
    if data is None:
        return np.random.default_rng(0).integers(0, 256, (500, 28, 28), dtype=np.uint8)
    raw = next(Path(data).glob("t10k-images-idx3-ubyte*"))
    raw = (gzip.open if raw.suffix == ".gz" else open)(raw, "rb").read()
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28)


def compare(session, program, x):
    """Rows whose class differs, and the largest difference of a score from the program's."""
    got = session.run(None, {"x": x})[0].astype(np.float64)
    size = np.abs(program).max(axis=1, keepdims=True)
    difference = np.abs(got - program) / np.where(size > 0, size, 1)
    return int((got.argmax(1) != program.argmax(1)).sum()), difference.max()


def microseconds(session, x):
    times = []
    for _ in range(200):
        start = time.perf_counter()
        session.run(None, {"x": x})
        times.append(time.perf_counter() - start)
    return 1e6 * sorted(times)[100]


def write_checkpoint(path, layer, tensors):
    """A network of one layer, as the program reads it."""
    header = {"__metadata__": {"gmlayer": json.dumps({"version": 2, "layers": [layer]})}}
    data = b""
    for name, values in tensors.items():
        raw = np.asarray(values, "<f4").tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[f"0.{name}"] = {"dtype": "F32", "shape": np.shape(values), "data_offsets": offsets}
        data += raw
    header = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


def write_edges(folder):
    """Layers of 4 inputs in the far tail, t from -8 to -4, and without spread, s = 0 with m of both signs and 0."""
    random = np.random.default_rng(1)
    ones, mixed = np.ones((3, 4)), np.array([[1, 1, 1, 1], [-1, -1, -1, -1], [0, 0, 0, 0]])
    sizes = {"inputs": 4, "outputs": 2, "components": 3, "gamma": 1.0}
    u, v = random.normal(size=(3, 2, 4)), random.normal(size=(3, 2))
    c_w, c_b = random.normal(size=(3, 1, 2)), np.ones((3, 1, 4))
    for edge, mu, spread in (("tail", -2.2 * ones, 0.5), ("no spread", mixed, 0.0)):
        layer = {"kind": "diagonal", **sizes}
        tensors = {"mu": mu, "sigma": spread * ones, "u": u, "v": v}
        write_checkpoint(folder / f"diagonal, {edge}", layer, tensors)
        layer = {"kind": "joint", **sizes, "rank": 1, "output_gamma": 1.0}
        tensors = {"mu_w": v, "c_w": c_w, "mu_b": 2 * mu, "c_b": spread * c_b}
        write_checkpoint(folder / f"joint, {edge}", layer, tensors)
        tensors["c_b"] = tensors["c_b"][0]
        write_checkpoint(folder / f"tied, {edge}", {**layer, "tied": True}, tensors)
        yield from (f"{kind}, {edge}" for kind in ("diagonal", "joint", "tied"))


def check(name, program, model, images):
    graph, idx = model.with_suffix(".onnx"), model.with_suffix(".images")
    write_idx(idx, images)
    run(program, "export", model, "--format", "onnx", "--output", graph)
    onnx.checker.check_model(str(graph), full_check=True)
    threads = onnxruntime.SessionOptions()
    threads.intra_op_num_threads = threads.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(graph), threads, providers=["CPUExecutionProvider"])

    lines = run(program, "predict", model, "--images", idx, "--json").splitlines()
    want = np.array([json.loads(line)["scores"] for line in lines], dtype=np.float64)
    x = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    classes, difference = compare(session, want, x)
    # h(c x) = c h(x), as no layer here has a bias: rows of any size whose scores are normal numbers; 0 gives 0.
    want, some = want[:100], x[:100]
    sizes = [size for size in (1e-30, 1e-12, 1e12, 1e30) if np.abs(want).max(1).min() * size > 1e-37]
    extremes = max((compare(session, want * size, some * np.float32(size))[1] for size in sizes), default=0)
    zeros = np.abs(session.run(None, {"x": np.zeros((1, x.shape[1]), np.float32)})[0]).max()
    print(
        f"{name:24}{classes} of {len(x)} classes differ, scores {difference:.1e}, of inputs to 1e±30 {extremes:.1e}; "
        f"{graph.stat().st_size} bytes, {microseconds(session, x[:1]):.0f} µs a row"
    )
    assert classes == 0 and difference <= BOUND and extremes <= BOUND and zeros == 0, name


def main():
    program, folder = Path(sys.argv[1]), Path(sys.argv[2])
    data = sys.argv[3] if len(sys.argv) > 3 else None
    folder.mkdir(parents=True, exist_ok=True)
    images = test_images(data)
    source = ["--data", data] if data else []
    for name, options in NETWORKS.items():
        model = folder / name
        run(program, "train", *options.split(), *source, "--epochs", 2, "--save", model)
        check(name, program, model, images)
    images = np.random.default_rng(2).integers(1, 256, (500, 2, 2), dtype=np.uint8)
    for name in write_edges(folder):
        check(name, program, folder / name, images)


main()
