"""Writes tests/data/normal.txt: the normal distribution at some thousands of f64 arguments.

    pip install mpmath gmpy2
    python3 scripts/normal_table.py

A line holds nine 64-bit patterns in hexadecimal: the argument t, then phi, Phi, psi and t phi, each as
a pair high + low of f64. All values carry the factor 2^200, so that the deep tails keep their digits.
They are computed with 150 digits and hold about 31 in the pair. The formulas have nothing in common with
those of the kernels: mpmath's erfc, and psi by subtraction, which 150 digits can afford.
"""

import math
import pathlib
import random
import struct

from mpmath import mp, mpf

mp.dps = 150
random.seed(20250811)


def bits(x):
    return struct.pack(">d", x).hex()


def pair(x):
    x *= mpf(2) ** 200
    high = float(x)
    return f"{bits(high)} {bits(float(x - high))}"


def values(t):
    x = mpf(t)
    phi = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
    cumulative = mp.erfc(-x / mp.sqrt(2)) / 2
    return phi, cumulative, x * cumulative + phi, x * phi


def neighbours(x, count=1):
    found, below, above = [x], x, x
    for _ in range(count):
        below, above = math.nextafter(below, -math.inf), math.nextafter(above, math.inf)
        found += [below, above]
    return found


def arguments():
    both_signs = [0.0, 2.0**-1074, 2.0**-1022, 1e-300] + [2.0**-k for k in range(1, 70, 3)]
    for x in (0.5, 1.0, math.sqrt(0.5), math.sqrt(2), 2.0, 8.0, 40.0):
        both_signs += neighbours(x, 3)
    # Where the exponential's reduction goes over to the next power of two.
    for k in [*range(1, 30), *range(30, 1150, 8)]:
        x = mp.sqrt(2 * ((k + mpf(1) / 2) * mp.log(2) - mp.log(2 * mp.pi) / 2)) if k > 1 else mpf(1)
        both_signs += neighbours(float(x))
    # Where the argument's head goes over to the next multiple of 2^-20.
    for _ in range(60):
        x = (2 * random.randrange(1 << 24) + 1) * 2.0**-21
        both_signs += neighbours(x)
    yield from both_signs
    yield from (-x for x in both_signs)
    # Results among the subnormal numbers, and the last before zero.
    yield from (-random.uniform(37.4, 38.7) for _ in range(250))
    yield from (random.uniform(37.4, 38.7) for _ in range(50))
    yield from (random.uniform(-39, 39) for _ in range(800))
    yield from (random.uniform(-3, 3) for _ in range(500))
    yield from (random.choice((-1, 1)) * 2 ** random.uniform(-30, 0) for _ in range(300))


if __name__ == "__main__":
    target = pathlib.Path(__file__).parent.parent / "tests/data/normal.txt"
    with target.open("w") as file:
        file.write("# t, then phi, Phi, psi, t phi times 2^200 as high and low; scripts/normal_table.py\n")
        for t in arguments():
            file.write(bits(t) + " " + " ".join(map(pair, values(t))) + "\n")
