"""Loads a checkpoint without gmlayer, evaluates eq. 6 and its gradients, and compares them with the crate's own.

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


def forward(x, mu, sigma, u, v):
    """h(x) = 1/K Σ_k [ (U_k μ_k + v_k) r_k + U_k (σ_k²⊙x) p_k ], eq. 6, and what its gradients take."""
    m = x @ mu.T  # [batch × K]
    s = np.sqrt(x**2 @ (sigma**2).T)
    r, p, phi = rectify(m, s)
    a = np.einsum("kld,kd->kl", u, mu) + v
    w = u * (sigma**2)[:, None, :]
    wx = np.einsum("kld,bd->bkl", w, x)
    h = (np.einsum("bk,kl->bl", r, a) + np.einsum("bk,bkl->bl", p, wx)) / len(mu)
    return h, (m, s, r, p, phi, a, w, wx)


def backward(x, g, kept, mu, sigma, u, v):
    """The gradients of Σ ⟨g, h(x)⟩ by the chain rule: dr/dm = Φ, dr/ds = φ, dp/dm = φ/s, dp/ds = −tφ/s."""
    m, s, r, p, phi, a, w, wx = kept
    share = g / len(mu)
    rho = share @ a.T  # ∂r
    pi = np.einsum("bl,bkl->bk", share, wx)  # ∂p
    of_m = rho * p + pi * phi / s
    of_s = rho * phi - pi * (m / s) * phi / s
    of_a = r.T @ share  # [K × L]
    of_w = np.einsum("bk,bl,bd->kld", p, share, x)
    of_square = np.einsum("bk,bd->kd", of_s / (2 * s), x**2) + np.einsum("kld,kld->kd", of_w, u)  # ∂σ²
    return {
        "mu": of_m.T @ x + np.einsum("kld,kl->kd", u, of_a),
        "sigma": 2 * sigma * of_square,
        "u": of_w * (sigma**2)[:, None, :] + np.einsum("kl,kd->kld", of_a, mu),
        "v": of_a,
        "x": of_m @ mu + np.einsum("bk,bl,kld->bd", p, share, w) + x * ((of_s / s) @ sigma**2),
    }


def by_numpy(layers, x, g):
    """The network's outputs, and the gradients of all blocks by name."""
    inputs, kept = [x], []
    for layer in layers:
        y, values = forward(inputs[-1], **layer)
        inputs.append(y)
        kept.append(values)
    gradients = {}
    for index in reversed(range(len(layers))):
        of_layer = backward(inputs[index], g, kept[index], **layers[index])
        g = of_layer.pop("x")
        gradients.update({f"{index}.{name}": value for name, value in of_layer.items()})
    return inputs[-1], gradients


def by_torch(torch, layers, x, g):
    """The same by automatic differentiation."""
    y, leaves = torch.from_numpy(x), {}
    for index, layer in enumerate(layers):
        own = {name: torch.from_numpy(value).requires_grad_() for name, value in layer.items()}
        leaves.update({f"{index}.{name}": value for name, value in own.items()})
        mu, sigma, u, v = own["mu"], own["sigma"], own["u"], own["v"]
        m, s = y @ mu.T, torch.sqrt(y**2 @ (sigma**2).T)
        t = m / s
        phi = torch.exp(-t * t / 2) / math.sqrt(2 * math.pi)
        p = torch.special.erfc(-t / math.sqrt(2)) / 2
        a = torch.einsum("kld,kd->kl", u, mu) + v
        wx = torch.einsum("kld,kd,bd->bkl", u, sigma**2, y)
        y = (torch.einsum("bk,kl->bl", m * p + s * phi, a) + torch.einsum("bk,bkl->bl", p, wx)) / len(mu)
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
    for index, layer in enumerate(description["layers"]):
        d, outputs, k = layer["inputs"], layer["outputs"], layer["components"]
        own = {name: tensors[f"{index}.{name}"] for name in ("mu", "sigma", "u", "v")}
        assert [value.shape for value in own.values()] == [(k, d), (k, d), (k, outputs, d), (k, outputs)]
        layers.append(own)
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
