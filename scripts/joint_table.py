#!/usr/bin/env python3
"""Witness tables for the joint Gaussian mixture layer: forward and every gradient.

    python3 scripts/joint_table.py            writes tests/data/joint_*.json
    python3 scripts/joint_table.py --check    checks the values instead (some minutes)

Needs mpmath (gmpy2 makes it fast). Everything is computed with 120 decimal digits from the formulas

    h(x) = 1/K sum_k [ mu_w r + C_w q p ],    q = C_b^T x,  m = <mu_b, x>,  s = |q|,  t = m / s,
    r = m Phi(t) + s phi(t),  p = Phi(t),

with one C_b of each component or, tied, one for all,
and shares no code with the crate. The conventions at s = 0, the form of the files and the rule of accuracy are those
of diagonal_table.py.

The layer is in joint_exact.py, the inputs are in joint_cases.py, the checks in joint_check.py.
"""

import argparse

from diagonal_exact import flat
from diagonal_table import DATA, DIGITS, array, entry_lists, fits_single, number, shortest_single
from joint_cases import FILES
from joint_check import check
from joint_exact import evaluate
from mpmath import mp

# Factors, the columns of C, are the rows of the files: c_w[k][r][l] and c_b[k][r][i].
FACTORS = {"c_w": "outputs", "c_b": "inputs"}
BLOCKS = ("h", "mu_w", "mu_b", "c_w", "c_b", "x")


def by_factors(entries, rows, rank):
    """The entries of [K][rows][rank] in the order of [K][rank][rows]."""
    blocks = [entries[first : first + rows * rank] for first in range(0, len(entries), rows * rank)]
    return [entry for block in blocks for factor in range(rank) for entry in block[factor::rank]]


def case_text(case):
    values = evaluate(case)
    values |= {
        block: by_factors(values[block], getattr(case, rows), case.rank) for block, rows in FACTORS.items()
    }
    if case.f32 and not fits_single(values):
        raise SystemExit(f"{case.name} leaves the range of f32")
    write = shortest_single if case.f32 else number
    lines = [f'"name":"{case.name}","f32":{"true" if case.f32 else "false"}']
    sizes = {"inputs": case.inputs, "outputs": case.outputs, "components": case.components}
    sizes |= {"rank": case.rank, "batch": case.batch}
    lines.append(",".join(f'"{name}":{size}' for name, size in sizes.items()))
    if case.is_tied:
        lines.append('"tied":true')
    inputs = {"mu_w": case.mu_w, "mu_b": case.mu_b, "x": case.x, "g": case.g}
    inputs = {name: flat(rows) for name, rows in inputs.items()}
    for block, rows in FACTORS.items():
        factors = case.families if block == "c_b" else case.c_w
        inputs[block] = by_factors(flat(flat(factors)), getattr(case, rows), case.rank)
    lines += [f'"{name}":{array(map(write, entries))}' for name, entries in inputs.items()]
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
        path = DATA / f"joint_{name}.json"
        path.write_text("[" + ",\n".join(map(case_text, cases())) + "]\n")
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
