"""Loads a checkpoint without gmlayer, evaluates diagonal and joint layers and their gradients, and compares them with
the crate's own.

    cargo run --example interop --features checkpoint -- FOLDER
    python3 interop/check.py FOLDER

NumPy alone is needed. Where PyTorch is installed, automatic differentiation is a second witness.
"""

import json
import math
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

TOLERANCE = 1e-12  # of the largest value of a block


def load(path):
    """The tensors of a safetensors file, by name, and its metadata."""
    raw = Path(path).read_bytes()
    (header_len,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + header_len])
    metadata = header.pop("__metadata__")
    data = raw[8 + header_len :]
    text, _, stated = metadata["gmlayer"].rpartition(',"checksum":"')
    tensors, checksum = {}, zlib.crc32(text.encode())
    for name, entry in sorted(header.items()):
        assert entry["dtype"] == "F32", (name, entry)
        start, end = entry["data_offsets"]
        checksum = zlib.crc32(data[start:end], checksum)
        tensors[name] = np.frombuffer(data[start:end], "<f4").astype(np.float64).reshape(entry["shape"])
    assert stated == f'{checksum:08x}"}}', "the checksum is that of other contents"
    return tensors, json.loads(metadata["gmlayer"])


erfc = np.vectorize(math.erfc, otypes=[np.float64])


def rectify(m, s):
    """r = E[max(z, 0)], p = P(z > 0), φ(t), for z ~ N(m, s²), t = m/s."""
    t = m / s
    phi = np.exp(-t * t / 2) / math.sqrt(2 * math.pi)
    p = erfc(-t / math.sqrt(2)) / 2
    return m * p + s * phi, p, phi


def pull_back(d_r, d_p, m, s, p, phi):
    """∂m and ∂s by dr/dm = Φ, dr/ds = φ, dp/dm = φ/s, dp/ds = −tφ/s."""
    return d_r * p + d_p * phi / s, d_r * phi - d_p * (m / s) * phi / s


def rectify_by_torch(torch, m, s):
    t = m / s
    phi = torch.exp(-t * t / 2) / math.sqrt(2 * math.pi)
    p = torch.special.erfc(-t / math.sqrt(2)) / 2
    return m * p + s * phi, p


class Diagonal:
    """h(x) = 1/K Σ_k [ (U_k μ_k + v_k) r_k + U_k (σ_k²⊙x) p_k ], eq. 6."""

    @staticmethod
    def shapes(entry):
        d, outputs, k = entry["inputs"], entry["outputs"], entry["components"]
        return {"mu": (k, d), "sigma": (k, d), "u": (k, outputs, d), "v": (k, outputs)}

    @staticmethod
    def forward(x, mu, sigma, u, v):
        m = x @ mu.T  # [batch × K]
        s = np.sqrt(x**2 @ (sigma**2).T)
        r, p, phi = rectify(m, s)
        a = np.einsum("kld,kd->kl", u, mu) + v
        w = u * (sigma**2)[:, None, :]
        wx = np.einsum("kld,bd->bkl", w, x)
        h = (np.einsum("bk,kl->bl", r, a) + np.einsum("bk,bkl->bl", p, wx)) / len(mu)
        return h, (m, s, r, p, phi, a, w, wx)

    @staticmethod
    def backward(x, g, saved, mu, sigma, u, v):
        m, s, r, p, phi, a, w, wx = saved
        g = g / len(mu)
        d_m, d_s = pull_back(g @ a.T, np.einsum("bl,bkl->bk", g, wx), m, s, p, phi)
        d_a = r.T @ g  # [K × L]
        d_w = np.einsum("bk,bl,bd->kld", p, g, x)
        d_variance = np.einsum("bk,bd->kd", d_s / (2 * s), x**2) + np.einsum("kld,kld->kd", d_w, u)
        return {
            "mu": d_m.T @ x + np.einsum("kld,kl->kd", u, d_a),
            "sigma": 2 * sigma * d_variance,
            "u": d_w * (sigma**2)[:, None, :] + np.einsum("kl,kd->kld", d_a, mu),
            "v": d_a,
            "x": d_m @ mu + np.einsum("bk,bl,kld->bd", p, g, w) + x * ((d_s / s) @ sigma**2),
        }

    @staticmethod
    def by_torch(torch, x, mu, sigma, u, v):
        r, p = rectify_by_torch(torch, x @ mu.T, torch.sqrt(x**2 @ (sigma**2).T))
        a = torch.einsum("kld,kd->kl", u, mu) + v
        wx = torch.einsum("kld,kd,bd->bkl", u, sigma**2, x)
        return (torch.einsum("bk,kl->bl", r, a) + torch.einsum("bk,bkl->bl", p, wx)) / len(mu)


class Joint:
    """h(x) = 1/K Σ_k [ μ_ω r_k + C_ω q_k p_k ] with q = C_βᵀx and s = |q|, eq. 4; factors are rows.

    C_β is one of each component or, tied, one for all.
    """

    @staticmethod
    def shapes(entry):
        d, outputs, k, rank = entry["inputs"], entry["outputs"], entry["components"], entry["rank"]
        factors = (rank, d) if entry.get("tied") else (k, rank, d)
        return {"mu_w": (k, outputs), "c_w": (k, rank, outputs), "mu_b": (k, d), "c_b": factors}

    @staticmethod
    def forward(x, mu_w, c_w, mu_b, c_b):
        m = x @ mu_b.T
        q = np.einsum("krd,bd->bkr", np.broadcast_to(c_b, (len(mu_b), *c_b.shape[-2:])), x)
        s = np.sqrt((q**2).sum(-1))
        r, p, phi = rectify(m, s)
        cq = np.einsum("krl,bkr->bkl", c_w, q)
        h = (r @ mu_w + np.einsum("bk,bkl->bl", p, cq)) / len(mu_w)
        return h, (m, s, r, p, phi, q, cq)

    @staticmethod
    def backward(x, g, saved, mu_w, c_w, mu_b, c_b):
        m, s, r, p, phi, q, cq = saved
        g = g / len(mu_w)
        d_m, d_s = pull_back(g @ mu_w.T, np.einsum("bl,bkl->bk", g, cq), m, s, p, phi)
        d_q = q * (d_s / s)[:, :, None] + np.einsum("bk,krl,bl->bkr", p, c_w, g)
        each = np.broadcast_to(c_b, (len(mu_b), *c_b.shape[-2:]))
        d_each = np.einsum("bkr,bd->krd", d_q, x)
        return {
            "mu_w": r.T @ g,
            "c_w": np.einsum("bk,bkr,bl->krl", p, q, g),
            "mu_b": d_m.T @ x,
            "c_b": d_each.sum(0) if c_b.ndim == 2 else d_each,
            "x": d_m @ mu_b + np.einsum("bkr,krd->bd", d_q, each),
        }

    @staticmethod
    def by_torch(torch, x, mu_w, c_w, mu_b, c_b):
        q = torch.einsum("krd,bd->bkr", c_b.expand(len(mu_b), *c_b.shape[-2:]), x)
        r, p = rectify_by_torch(torch, x @ mu_b.T, torch.sqrt((q**2).sum(-1)))
        return (r @ mu_w + torch.einsum("bk,krl,bkr->bl", p, c_w, q)) / len(mu_w)


LAYERS = {"diagonal": Diagonal, "joint": Joint}


def by_numpy(layers, x, g):
    """The network's outputs, and the gradients of all blocks by name."""
    inputs, saved = [x], []
    for layer, blocks in layers:
        y, values = layer.forward(inputs[-1], **blocks)
        inputs.append(y)
        saved.append(values)
    gradients = {}
    for index in reversed(range(len(layers))):
        layer, blocks = layers[index]
        own = layer.backward(inputs[index], g, saved[index], **blocks)
        g = own.pop("x")
        gradients.update({f"{index}.{name}": value for name, value in own.items()})
    return inputs[-1], gradients


def by_torch(torch, layers, x, g):
    """The same by automatic differentiation."""
    y, leaves = torch.from_numpy(x), {}
    for index, (layer, blocks) in enumerate(layers):
        own = {name: torch.from_numpy(value).requires_grad_() for name, value in blocks.items()}
        leaves.update({f"{index}.{name}": value for name, value in own.items()})
        y = layer.by_torch(torch, y, **own)
    (y * torch.from_numpy(g)).sum().backward()
    return y.detach().numpy(), {name: value.grad.numpy() for name, value in leaves.items()}


def compare(witness, y, gradients, values):
    """The worst difference over all blocks, in units of the largest value of the block."""
    worst = 0.0
    for name, got in [("y", y), *sorted(gradients.items())]:
        want = np.asarray(values["y"] if name == "y" else values["gradients"][name]).reshape(got.shape)
        difference = np.abs(got - want).max() / np.abs(want).max()
        assert difference <= TOLERANCE, f"{witness}, {name}: {difference:.1e}"
        worst = max(worst, difference)
    assert set(gradients) == set(values["gradients"])
    print(f"{witness}: outputs and {len(gradients)} gradients agree to {worst:.1e}")


def main(folder):
    path = Path(folder) / "model.safetensors"
    tensors, description = load(path)
    layers = []
    for index, entry in enumerate(description["layers"]):
        layer = LAYERS[entry["kind"]]
        shapes = layer.shapes(entry)
        blocks = {name: tensors.pop(f"{index}.{name}") for name in shapes}
        assert {name: block.shape for name, block in blocks.items()} == shapes, (index, entry)
        layers.append((layer, blocks))
    assert all(name.startswith("optimizer.") for name in tensors), tensors.keys()
    values = json.loads((Path(folder) / "values.json").read_text())
    x = np.asarray(values["x"]).reshape(values["rows"], -1)
    g = np.asarray(values["g"]).reshape(values["rows"], -1)
    compare("NumPy", *by_numpy(layers, x, g), values)
    try:
        import torch
    except ImportError:
        print("PyTorch: not installed")
        return
    compare("PyTorch", *by_torch(torch, layers, x, g), values)


if __name__ == "__main__":
    main(*sys.argv[1:])
