#!/usr/bin/env python3
"""Witness tables for the diagonal Gaussian mixture layer: forward and every gradient.

    python3 scripts/diagonal_table.py            writes tests/data/diagonal_*.json
    python3 scripts/diagonal_table.py --check    checks the values instead (about four minutes)

Needs mpmath (gmpy2 makes it fast). Everything is computed with 120 decimal digits from the formulas

    h(x) = 1/K sum_k [ (U mu + v) r + U (sigma^2 * x) p ],    m = <mu, x>,  s = |sigma * x|,  t = m / s,
    r = m Phi(t) + s phi(t),  p = Phi(t),

and shares no code with the crate. Where s = 0: r = max(m, 0), p is 1, 0 or 1/2 for m above, below or
at 0, and phi(t) and t phi(t) count as 0. With that every gradient is the limit of central differences.

Each entry of an output is stored as
    hi + lo    the exact value: hi is the nearest double, lo the nearest double (rounded) to the rest
    scale      the first-order error budget: the sum of the absolute values of all terms, where every
               factor F of {r, p, phi, t phi} counts as F + dF (see `factors`)
    floor      what products below the normal numbers may lose (see `Budget`), and 1 for the output
An implementation in a type with unit roundoff u and smallest subnormal number eta is accurate when
|got - want| <= 8 (u scale + eta floor).

The inputs of a case with "f32": true are shortest decimals of f32 numbers: read them through f32. The
other cases are for f64 alone. The files are the same at every run.

The layer is in diagonal_exact.py, the inputs are in diagonal_cases.py, the checks in diagonal_check.py.
"""

import argparse
from pathlib import Path

from diagonal_cases import FILES, single
from diagonal_check import check
from diagonal_exact import evaluate, flat
from mpmath import mp, mpf

DIGITS = 120
BLOCKS = ("h", "mu", "sigma", "u", "v", "x")
DATA = Path(__file__).resolve().parent.parent / "tests" / "data"


def number(value):
    """The shortest decimal of a double."""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") and text != "-0.0" else text


def shortest_single(value):
    """The shortest decimal that gives an f32 back, also when it is read as f64 and then rounded."""
    if value == 0:
        return number(value)
    for digits in range(1, 10):
        rounded = float(f"{value:.{digits}g}")
        if single(rounded) == value:
            return number(rounded)
    raise SystemExit(f"{value} is not an f32")


def three_digits(value):
    """A budget, rounded to nearest."""
    return number(f"{float(value):.2e}")


def array(texts):
    return "[" + ",".join(texts) + "]"


def entry_lists(entries):
    high = [float(entry.value) for entry in entries]
    low = [float(entry.value - top) for entry, top in zip(entries, high)]
    return {
        "hi": array(map(number, high)),
        "lo": array(number(f"{rest:.3e}") for rest in low),
        "scale": array(three_digits(entry.scale) for entry in entries),
        "floor": array(three_digits(entry.floor + 1) for entry in entries),
    }


def fits_single(values):
    largest = max(
        max(abs(entry.value), entry.scale) for block in values.values() for entry in block
    )
    return largest < mpf(2) ** 128


def case_text(case):
    values = evaluate(case)
    if case.f32 and not fits_single(values):
        raise SystemExit(f"{case.name} leaves the range of f32")
    write = shortest_single if case.f32 else number
    lines = [f'"name":"{case.name}","f32":{"true" if case.f32 else "false"}']
    lines.append(
        f'"inputs":{case.inputs},"outputs":{case.outputs},"components":{case.components},"batch":{case.batch}'
    )
    inputs = {"mu": case.mu, "sigma": case.sigma, "u": flat(case.u), "v": case.v, "x": case.x, "g": case.g}
    lines += [f'"{name}":{array(map(write, flat(rows)))}' for name, rows in inputs.items()]
    for block in BLOCKS:
        lists = entry_lists(values[block])
        name = "h" if block == "h" else "d" + block
        lines.append(f'"{name}":{{' + ",\n".join(f'"{key}":{text}' for key, text in lists.items()) + "}")
    return "{" + ",\n".join(lines) + "}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="check the values instead of writing them")
    arguments = parser.parse_args()
    mp.dps = DIGITS
    if arguments.check:
        check([case for cases in FILES.values() for case in cases()])
        return
    for name, cases in FILES.items():
        path = DATA / f"diagonal_{name}.json"
        path.write_text("[" + ",\n".join(map(case_text, cases())) + "]\n")
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
