"""Times a training step of joint layers in gmlayer, JAX and PyTorch, in one run on one processor core.

    python3 -m venv target/peers
    target/peers/bin/pip install -r benches/peers/requirements.txt
    target/peers/bin/python benches/peers/peers.py

A step is the forward pass, the gradients of all parameters for a given cotangent, and gradient descent, in f32; in
JAX one compiled function whose parameters are donated, in PyTorch automatic differentiation as it is ("eager").
gmlayer's is the step fused with the backward pass, as `examples/speed` measures it. The three take turns, several
rounds; printed are medians in microseconds, and by how much gmlayer is faster.
"""

import json
import math
import os
import statistics
import subprocess
import time
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np
import torch

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
INPUTS, OUTPUTS = 784, 10
# The names that examples/speed gives them: components, rank, whether tied.
LAYERS = {"J, R=4": (20, 4, False), "tied": (70, 16, True)}
BATCHES = (1, 64, 1024)
ROUNDS = 5
SECONDS = 0.3
RATE = 1e-6


def numbers(components, rank, tied, batch):
    """Parameters, inputs of which four of five are 0, and a cotangent."""
    random = np.random.default_rng(1)
    families = 1 if tied else components
    shapes = [(components, OUTPUTS), (components, rank, OUTPUTS), (components, INPUTS), (families, rank, INPUTS)]
    parameters = [random.normal(0, 0.1, shape).astype(np.float32) for shape in shapes]
    x = random.uniform(0, 1, (batch, INPUTS)) * (random.uniform(0, 1, (batch, INPUTS)) > 0.81)
    return parameters, x.astype(np.float32), random.normal(0, 1e-3, (batch, OUTPUTS)).astype(np.float32)


def by_jax(parameters, x, g):
    def value(parameters, x):
        mu_w, c_w, mu_b, c_b = parameters
        components, rank = c_w.shape[:2]
        products = x @ jnp.concatenate([mu_b, c_b.reshape(-1, INPUTS)]).T
        m, q = products[:, :components], products[:, components:].reshape(len(x), -1, rank)
        s = jnp.sqrt((q * q).sum(-1))
        t = m / s
        p = jax.scipy.special.ndtr(t)
        r = m * p + s * jnp.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)
        q_p = (p[:, :, None] * q).reshape(len(x), components * rank)
        return (r @ mu_w + q_p @ c_w.reshape(components * rank, OUTPUTS)) / components

    def step(parameters, x, g):
        gradients = jax.grad(lambda parameters: (g * value(parameters, x)).sum())(parameters)
        return [parameter - RATE * gradient for parameter, gradient in zip(parameters, gradients)]

    compiled = jax.jit(step, donate_argnums=0)
    state, x, g = [jnp.array(parameter) for parameter in parameters], jnp.array(x), jnp.array(g)
    h = np.asarray(jax.jit(value)(state, x))

    def run():
        nonlocal state
        state = compiled(state, x, g)
        state[0].block_until_ready()

    return h, run


def by_torch(parameters, x, g):
    state = [torch.tensor(parameter, requires_grad=True) for parameter in parameters]
    x, g = torch.tensor(x), torch.tensor(g)

    def value():
        mu_w, c_w, mu_b, c_b = state
        components, rank = c_w.shape[:2]
        products = x @ torch.cat([mu_b, c_b.reshape(-1, INPUTS)]).T
        m, q = products[:, :components], products[:, components:].reshape(len(x), -1, rank)
        s = (q * q).sum(-1).sqrt()
        t = m / s
        p = torch.special.ndtr(t)
        r = m * p + s * torch.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)
        q_p = (p[:, :, None] * q).reshape(len(x), components * rank)
        return (r @ mu_w + q_p @ c_w.reshape(components * rank, OUTPUTS)) / components

    def run():
        gradients = torch.autograd.grad(value(), state, g)
        with torch.no_grad():
            for parameter, gradient in zip(state, gradients):
                parameter.sub_(gradient, alpha=RATE)

    return value().detach().numpy(), run


def microseconds(run):
    """The time of one run, averaged over some."""
    run()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        run()
        count += 1
    return (time.perf_counter() - start) / count * 1e6


def gmlayer(name):
    """The time of a fused step by batch."""
    text = subprocess.run(
        [TARGET / "release/examples/speed", "--json", name], check=True, capture_output=True, text=True
    ).stdout
    rows = json.loads(text)["rows"]
    return {
        row["batch"]: row["us"]
        for row in rows
        if row["config"] == name and row["what"] == "step_fused" and row["threads"] == 1
    }


def main():
    build = ["cargo", "build", "--release", "--locked", "--features", "threads", "--example", "speed"]
    subprocess.run(build, cwd=ROOT, check=True)
    print(f"jax {jax.__version__}, torch {torch.__version__}")
    print(f"{'layer':<8} {'batch':>5} {'gmlayer':>9} {'JAX':>9} {'PyTorch':>9}   JAX/gmlayer  PyTorch/gmlayer")
    for name, (components, rank, tied) in LAYERS.items():
        runs = {}
        for batch in BATCHES:
            made = numbers(components, rank, tied, batch)
            (h_jax, run_jax), (h_torch, run_torch) = by_jax(*made), by_torch(*made)
            assert np.allclose(h_jax, h_torch, rtol=1e-4, atol=1e-6), "the two peers compute different layers"
            runs[batch] = (run_jax, run_torch)
        times = {batch: ([], [], []) for batch in BATCHES}
        for _ in range(ROUNDS):
            ours = gmlayer(name)
            for batch in BATCHES:
                for list_, value in zip(times[batch], (ours[batch], *map(microseconds, runs[batch]))):
                    list_.append(value)
        for batch in BATCHES:
            ours, of_jax, of_torch = map(statistics.median, times[batch])
            print(
                f"{name:<8} {batch:>5} {ours:>9.1f} {of_jax:>9.1f} {of_torch:>9.1f}"
                f"   {of_jax / ours:>11.2f}  {of_torch / ours:>15.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
