#!/usr/bin/env python3
"""Witness tables for the diagonal Gaussian mixture layer: forward and every gradient.

    python3 scripts/diagonal_table.py            writes tests/data/diagonal_*.json
    python3 scripts/diagonal_table.py --check    checks the values instead (about two minutes)

Needs mpmath (gmpy2 makes it fast). Everything is computed with 120 decimal digits from the formulas

    h(x) = 1/K sum_k [ (U mu + v) r + U (sigma^2 * x) p ],    m = <mu, x>,  s = |sigma * x|,  t = m / s,
    r = m Phi(t) + s phi(t),  p = Phi(t),

and shares no code with the crate. Where s = 0: r = max(m, 0), p is 1, 0 or 1/2 for m above, below or
at 0, and phi(t) and t phi(t) count as 0. With that every gradient is the limit of central differences.

Each entry of an output is stored as
    hi + lo    the exact value: hi is the nearest double, lo the nearest double (rounded) to the rest
    scale      the first-order error budget: the sum of the absolute values of all terms, where every
               factor F of {r, p, phi, t phi} counts as F + dF (see `factors`)
    floor      the same sum with every factor counted as 1
An implementation in a type with unit roundoff u, smallest normal number n and smallest subnormal
number e is accurate when |got - want| <= 8 (u (scale + n floor) + e).

The inputs of a case with "f32": true are shortest decimals of f32 numbers: read them through f32. The
other cases are for f64 alone. The files are the same at every run.
"""

import argparse
import random
import struct
from functools import lru_cache
from pathlib import Path

from mpmath import erfc, exp, log10, mp, mpf, pi, sqrt

DIGITS = 120
BLOCKS = ("h", "mu", "sigma", "u", "v", "x")
DATA = Path(__file__).resolve().parent.parent / "tests" / "data"


# --- The layer ---------------------------------------------------------------------------------------


class Budget:
    """A number beside the sum of the absolute values of the terms that it is made of.

    Sums and products act on the three fields separately, so a formula that is written once gives the
    value, its error budget and the weight of the absolute floor together.
    """

    __slots__ = ("value", "scale", "floor")

    def __init__(self, value, scale, floor):
        self.value, self.scale, self.floor = value, scale, floor

    def __add__(self, other):
        return Budget(self.value + other.value, self.scale + other.scale, self.floor + other.floor)

    def __mul__(self, other):
        return Budget(self.value * other.value, self.scale * other.scale, self.floor * other.floor)


def exact(value):
    """A quantity that carries no error of its own to first order."""
    return Budget(mpf(value), abs(mpf(value)), abs(mpf(value)))


def total(terms):
    return sum(terms, exact(0))


@lru_cache(maxsize=4096)
def rectified(m, s, _digits):
    """r, p, phi and t phi of N(m, s^2).

    Beyond |t| = 10^4 a tail is below 10^(-10^7) and counts as 0.
    """
    if s == 0 or abs(m) > 10**4 * s:
        p = mpf(1) / 2 if m == 0 else mpf(1 if m > 0 else 0)
        return max(m, mpf(0)), p, mpf(0), mpf(0)
    t = m / s
    p = erfc(-t / sqrt(mpf(2))) / 2
    phi = exp(-t * t / 2) / sqrt(2 * pi)
    return m * p + s * phi, p, phi, t * phi


def factors(m, s, dm):
    """The four factors with their first-order budgets, where m is a sum of terms of total size dm."""
    r, p, phi, tphi = rectified(m, s, mp.dps)
    if s == 0:
        size = (2 * r + p * dm, p, phi, tphi)
    else:
        t = abs(m / s)
        dt = dm / s + t
        dr = r + p * dm + phi * s
        dp = p + phi * dt
        dphi = phi + t * phi * dt
        dtphi = t * phi + abs(1 - t * t) * phi * dt
        size = (r + dr, p + dp, phi + dphi, t * phi + dtphi)
    return [Budget(value, scale, mpf(1)) for value, scale in zip((r, p, phi, tphi), size)]


class Case:
    """Sizes and inputs: x[b][i], mu[k][i], sigma[k][i], u[k][l][i], v[k][l], g[b][l]."""

    def __init__(self, name, f32, mu, sigma, u, v, x, g):
        self.name, self.f32 = name, f32
        # Copies, so that a difference along one entry moves that entry alone.
        self.mu, self.sigma, self.v, self.x, self.g = (list(map(list, rows)) for rows in (mu, sigma, v, x, g))
        self.u = [list(map(list, rows)) for rows in u]
        self.inputs, self.outputs = len(mu[0]), len(v[0])
        self.components, self.batch = len(mu), len(x)

    def moments(self, b, k):
        """m, s and the sum of the sizes of m's terms."""
        terms = [mpf(a) * c for a, c in zip(self.mu[k], self.x[b])]
        square = sum(((mpf(a) * c) ** 2 for a, c in zip(self.sigma[k], self.x[b])), mpf(0))
        return sum(terms, mpf(0)), sqrt(square), sum(map(abs, terms), mpf(0))


def evaluate(case):
    """Every output of a case, as flat lists of budgets."""
    d, outputs, components, batch = case.inputs, case.outputs, case.components, case.batch
    weight = exact(mpf(1) / components)
    zero = exact(0)
    h = [[zero] * outputs for _ in range(batch)]
    dx = [[zero] * d for _ in range(batch)]
    dmu = [[zero] * d for _ in range(components)]
    dsigma = [[zero] * d for _ in range(components)]
    du = [[[zero] * d for _ in range(outputs)] for _ in range(components)]
    dv = [[zero] * outputs for _ in range(components)]
    for k in range(components):
        mu, sigma, v = (list(map(exact, row)) for row in (case.mu[k], case.sigma[k], case.v[k]))
        u = [list(map(exact, row)) for row in case.u[k]]
        a = [total(u[l][i] * mu[i] for i in range(d)) + v[l] for l in range(outputs)]
        for b in range(batch):
            m, s, dm = case.moments(b, k)
            r, p, phi, tphi = factors(m, s, dm)
            x, g = list(map(exact, case.x[b])), list(map(exact, case.g[b]))
            y = [exact(mpf(e) * f / s if s else 0) for e, f in zip(case.sigma[k], case.x[b])]
            minus = exact(-1)

            c = [total(u[l][i] * g[l] for l in range(outputs)) for i in range(d)]
            slope = total(c[i] * mu[i] for i in range(d)) + total(map(Budget.__mul__, g, v))
            spread = total(c[i] * sigma[i] * y[i] for i in range(d))
            dm_ = (slope * p + spread * phi) * weight
            ds_ = (slope * phi + minus * spread * tphi) * weight
            r, p = r * weight, p * weight
            covariance = [sigma[i] * sigma[i] * x[i] for i in range(d)]
            for l in range(outputs):
                h[b][l] += a[l] * r + total(map(Budget.__mul__, u[l], covariance)) * p
                dv[k][l] += g[l] * r
                for i in range(d):
                    du[k][l][i] += g[l] * (mu[i] * r + covariance[i] * p)
            for i in range(d):
                turn = c[i] * sigma[i] * p
                dmu[k][i] += c[i] * r + x[i] * dm_
                dsigma[k][i] += x[i] * (ds_ * y[i] + turn + turn)
                dx[b][i] += mu[i] * dm_ + sigma[i] * (ds_ * y[i] + turn)
    return {
        "h": flat(h),
        "mu": flat(dmu),
        "sigma": flat(dsigma),
        "u": flat(flat(du)),
        "v": flat(dv),
        "x": flat(dx),
    }


def flat(rows):
    return [entry for row in rows for entry in row]


# --- The checks --------------------------------------------------------------------------------------


def loss(case, rows, components):
    """K times the part of sum_b <g_b, h(x_b)> that comes from some rows and components, from h alone."""
    result = mpf(0)
    for k in components:
        for b in rows:
            m, s, _ = case.moments(b, k)
            r, p, _, _ = rectified(m, s, mp.dps)
            mean, sigma, x = case.mu[k], case.sigma[k], case.x[b]
            inner = [mpf(a) * r + mpf(e) * e * z * p for a, e, z in zip(mean, sigma, x)]
            for g, u, v in zip(case.g[b], case.u[k], case.v[k]):
                result += g * (v * r + sum(mpf(a) * c for a, c in zip(u, inner)))
    return result


def difference(case, row, index, rows, components, step):
    """The central difference of the loss along one entry of an input."""
    kept = row[index]
    row[index] = kept + step
    above = loss(case, rows, components)
    row[index] = kept - step
    below = loss(case, rows, components)
    row[index] = kept
    return (above - below) / (2 * step) / case.components


def check_differences(case, per_block=160):
    """The worst gap between a gradient and its central difference, in units of the entry's scale."""
    moments = [case.moments(b, k) for b in range(case.batch) for k in range(case.components)]
    lengths = [s if s else abs(m) for m, s, _ in moments if s or m] + [mpf(1)]
    inputs = flat(flat(case.u) + case.mu + case.sigma + case.v + case.x)
    largest = max([mpf(1)] + [abs(mpf(e)) for e in inputs])
    digits = 60 + int(log10(largest / min(lengths)))
    mp.dps = 2 * digits + 400
    step = mpf(10) ** -digits
    exact_values = evaluate(case)
    all_rows, all_components = range(case.batch), range(case.components)
    entries = {
        "mu": [(case.mu[k], i, all_rows, [k]) for k in all_components for i in range(case.inputs)],
        "sigma": [(case.sigma[k], i, all_rows, [k]) for k in all_components for i in range(case.inputs)],
        "u": [(row, i, all_rows, [k]) for k in all_components for row in case.u[k] for i in range(case.inputs)],
        "v": [(case.v[k], l, all_rows, [k]) for k in all_components for l in range(case.outputs)],
        "x": [(case.x[b], i, [b], all_components) for b in all_rows for i in range(case.inputs)],
    }
    worst, count = mpf(0), 0
    for block, places in entries.items():
        stride = -(-len(places) // per_block)
        for place, want in list(zip(places, exact_values[block]))[::stride]:
            gap = abs(difference(case, *place, step) - want.value)
            worst = max(worst, gap / want.scale if want.scale else gap)
            count += 1
    rectified.cache_clear()
    mp.dps = DIGITS
    return worst, count


def check_identities(case):
    """The worst relative gap of the four exact identities."""
    values = evaluate(case)
    mirrored = Case(case.name, case.f32, case.mu, case.sigma, case.u, case.v, negated(case.x), case.g)
    loss_terms = [entry * exact(g) for entry, g in zip(values["h"], flat(case.g))]

    def product(block, inputs):
        return total(exact(a) * entry for a, entry in zip(inputs, values[block]))

    def gap(left, right):
        size = left.scale + right.scale
        return abs(left.value - right.value) / size if size else mpf(0)

    whole = total(loss_terms)
    slopes, offsets = product("u", flat(flat(case.u))), product("v", flat(case.v))
    gaps = [
        gap(slopes + offsets, whole),
        gap(product("mu", flat(case.mu)) + product("sigma", flat(case.sigma)), whole + slopes),
    ]
    for b in range(case.batch):
        along = slice(b * case.inputs, (b + 1) * case.inputs)
        across = slice(b * case.outputs, (b + 1) * case.outputs)
        left = total(exact(a) * entry for a, entry in zip(case.x[b], values["x"][along]))
        gaps.append(gap(left, total(loss_terms[across])))
    for (b, l), (above, below) in zip(
        ((b, l) for b in range(case.batch) for l in range(case.outputs)),
        zip(values["h"], evaluate(mirrored)["h"]),
    ):
        linear = exact(0)
        for k in range(case.components):
            m, _, dm = case.moments(b, k)
            mean, spread = Budget(m, dm, dm), total(
                exact(u) * exact(e) * exact(e) * exact(x)
                for u, e, x in zip(case.u[k][l], case.sigma[k], case.x[b])
            )
            a = total(exact(u) * exact(c) for u, c in zip(case.u[k][l], case.mu[k])) + exact(case.v[k][l])
            linear += (a * mean + spread) * exact(mpf(1) / case.components)
        gaps.append(gap(above + exact(-1) * below, linear))
    return max(gaps)


def negated(rows):
    return [[-entry for entry in row] for row in rows]


def check(cases):
    worst = mpf(0)
    for case in cases:
        identity = check_identities(case)
        gap, count = check_differences(case)
        worst = max(worst, identity, gap)
        print(f"{case.name:32} identities {mp.nstr(identity, 2):>9}  {count:4} differences {mp.nstr(gap, 2):>9}", flush=True)
    print(f"{len(cases)} cases, worst {mp.nstr(worst, 2)}")
    if worst > mpf(10) ** -50:
        raise SystemExit("the table is wrong")


# --- The cases ---------------------------------------------------------------------------------------


def single(value):
    """The nearest f32, as a Python float."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


class Draw:
    """Reproducible random inputs. A case's name is its seed."""

    def __init__(self, name, f32=True):
        self.random, self.f32 = random.Random(name), f32

    def number(self, low, high, factor=1.0):
        value = (low + (high - low) * self.random.random()) * factor
        return single(value) if self.f32 else value

    def table(self, rows, columns, low=-1.0, high=1.0, factor=1.0):
        return [[self.number(low, high, factor) for _ in range(columns)] for _ in range(rows)]

    def case(self, name, shape, mu=None, sigma=None, u=None, v=None, x=None, g=None):
        """A case of a shape (d, L, K, B); what is not given is drawn."""
        d, outputs, components, batch = shape
        return Case(
            name,
            self.f32,
            mu or self.table(components, d),
            sigma or self.table(components, d, 0.1, 1.5),
            u or [self.table(outputs, d) for _ in range(components)],
            v or self.table(components, outputs),
            x or self.table(batch, d, -2.0, 2.0),
            g or self.table(batch, outputs),
        )


def ordinary():
    for shape in [(1, 1, 1, 1), (3, 2, 4, 5), (8, 10, 3, 9), (16, 4, 5, 2), (17, 3, 2, 70), (33, 1, 3, 17), (2, 19, 2, 3)]:
        name = "ordinary " + "x".join(map(str, shape))
        yield Draw(name).case(name, shape)
    for shape in [(1, 1, 1, 1), (7, 3, 3, 11), (40, 5, 2, 4)]:
        name = "double " + "x".join(map(str, shape))
        yield Draw(name, f32=False).case(name, shape)


def tails():
    sizes = [0.0009765625, 0.5, 1.0, 2.5, 5.0, 8.0, 10.0, 12.0, 12.5, 12.75, 13.0, 13.25, 13.5, 14.0]
    sizes += [14.5, 18.0, 25.0, 35.0, 37.0, 37.5, 38.0, 38.5, 39.0]
    arguments = [0.0] + sizes + [-t for t in sizes]
    count = len(arguments)
    draw = Draw("tails")

    # t is exact: the mean and the deviation come from different inputs.
    apart = [[t, 1.0] for t in arguments]
    yield draw.case("tail rows, exact t", (2, 2, 1, count), mu=[[1.0, 0.0]], sigma=[[0.0, 1.0]], x=apart)
    yield draw.case(
        "tail components, exact t", (2, 2, count, 1), mu=apart, sigma=[[0.0, 1.0]] * count, x=[[1.0, 1.0]]
    )

    # The same rows, so long that r leaves the subnormal range although phi(t) does not.
    lifted = [[single(t * 1e10), single(1e10)] for t in arguments]
    yield draw.case("tail rows, lifted by 1e10", (2, 2, 1, count), mu=[[1.0, 0.0]], sigma=[[0.0, 1.0]], x=lifted)

    # General inputs that point along the mean.
    for name, low, high in [("tail rows, general", -40.0, 40.0), ("tail rows, subnormal phi", -14.0, -12.0)]:
        mu, sigma = draw.table(1, 4, 0.5, 1.5), draw.table(1, 4, 0.5, 1.5)
        rows = []
        for _ in range(24):
            x = draw.table(1, 4, 0.5, 1.5)[0]
            wanted = draw.number(low, high)
            norm = sum((e * z) ** 2 for e, z in zip(sigma[0], x)) ** 0.5
            mean = sum(a * z for a, z in zip(mu[0], x))
            # Only the first input carries the mean that is missing, and no deviation.
            rows.append([single((wanted * norm - mean) / 8.0)] + x)
        yield draw.case(name, (5, 3, 1, 24), mu=[[8.0] + mu[0]], sigma=[[0.0] + sigma[0]], x=rows)
    mu = [[entry * 12.0 for entry in row] for row in draw.table(6, 3)]
    yield draw.case("tails, mixed", (3, 2, 6, 8), mu=[[single(entry) for entry in row] for row in mu])


def degenerate():
    draw = Draw("degenerate")
    above, below, at = [1.0, 2.0, 0.5], [-1.0, -2.0, 0.25], [2.0, -1.0, 0.0]
    mean = [[1.0, 2.0, -1.0], [0.5, 1.0, 3.0], [1.0, 2.0, 8.0]]
    zero = [0.0, 0.0, 0.0]
    yield draw.case("sigma zero, m above, below, at 0", (3, 2, 3, 3), mu=mean, sigma=[zero] * 3, x=[above, below, at])
    yield draw.case("sigma zero, m above 0", (3, 2, 1, 1), mu=mean[:1], sigma=[zero], x=[above])
    yield draw.case("sigma zero, m below 0", (3, 2, 1, 1), mu=mean[:1], sigma=[zero], x=[below])
    yield draw.case("sigma zero, m at 0", (3, 2, 1, 1), mu=mean[:1], sigma=[[0.0, -0.0, 0.0]], x=[at])

    # Supports that do not meet: sigma lives on the last two of five inputs, x on the first three.
    apart = [row + [0.0, -0.0] for row in (above, below, at)]
    wide = [row + [1.5, -0.75] for row in mean]
    spread = [[0.0, 0.0, 0.0, 0.5, 2.0]] * 3
    yield draw.case("disjoint supports", (5, 2, 3, 3), mu=wide, sigma=spread, x=apart)
    yield draw.case("x zero", (4, 3, 2, 2), x=[[0.0] * 4, [-0.0] * 4])
    yield draw.case("x zero and sigma zero", (2, 1, 1, 1), sigma=[[0.0, 0.0]], x=[[0.0, 0.0]])

    some = draw.table(4, 3, 0.1, 1.0)
    rows = draw.table(9, 3, -2.0, 2.0)
    rows[1], rows[4], rows[7], rows[8] = zero, above, at, [0.0, 1.5, 0.0]
    sigma = [zero, some[1], [0.75, 0.0, 0.0], some[3]]
    yield draw.case("mixed rows", (3, 2, 4, 9), mu=mean + draw.table(1, 3), sigma=sigma, x=rows)
    long = draw.table(70, 3, -2.0, 2.0)
    for b in range(0, 70, 7):
        long[b] = zero
    yield draw.case("mixed rows, long batch", (3, 2, 2, 70), sigma=[some[0], [0.0, 0.0, 0.5]], x=long)

    yield draw.case("sigma of either sign", (6, 3, 4, 5), sigma=draw.table(4, 6, -1.5, 1.5))
    holes = [[0.0 if (i + k) % 3 == 0 else entry for i, entry in enumerate(row)]
             for k, row in enumerate(draw.table(3, 6, -1.0, 1.0))]
    yield draw.case("sigma with zeros", (6, 3, 3, 5), sigma=holes)


def extreme():
    draw = Draw("extreme")
    shape = (5, 3, 3, 6)
    for factor in (1e-30, 1e-20, 1e-10, 1e10, 1e15):
        yield draw.case(f"x scaled by {factor:g}", shape, x=draw.table(6, 5, -2.0, 2.0, factor))
    mixed = [[single(entry * (1e-30, 1e15, 1.0)[(b + i) % 3]) for i, entry in enumerate(row)]
             for b, row in enumerate(draw.table(6, 5, -2.0, 2.0))]
    yield draw.case("rows mix 1e-30, 1 and 1e15", shape, x=mixed)
    steps = [[single(entry * (1e-30, 1e-30, 1e15, 1.0, 1e-20, 1e8)[b]) for entry in row]
             for b, row in enumerate(draw.table(6, 5, -2.0, 2.0))]
    yield draw.case("batch mixes 1e-30 to 1e15", shape, x=steps)

    small = draw.table(3, 5, 0.1, 1.5, 1e-25)
    yield draw.case("sigma 1e-25", shape, sigma=small)
    yield draw.case("sigma 1e-25, mu zero", shape, mu=[[0.0] * 5] * 3, sigma=small)
    yield draw.case("sigma 1e-25, mu 1e-25", shape, mu=draw.table(3, 5, -1.0, 1.0, 1e-25), sigma=small)
    yield draw.case(
        "sigma 1e-25, m cancels to 0", (2, 2, 2, 3),
        mu=[[1.0, -1.0], [3.0, -3.0]], sigma=draw.table(2, 2, 0.1, 1.5, 1e-25), x=[[2.0, 2.0], [-1.0, -1.0], [1.0, 1.0]],
    )
    yield draw.case(
        "sigma 1e-25, m 0, supports apart", (2, 2, 2, 3),
        mu=[[1.0, 0.0], [-2.0, 0.0]], sigma=draw.table(2, 2, 0.1, 1.5, 1e-25), x=[[0.0, 2.0], [0.0, -1.0], [0.0, 0.5]],
    )
    yield draw.case(
        "s subnormal in f32", shape,
        mu=draw.table(3, 5, -1.0, 1.0, 1e-25), sigma=small, x=draw.table(6, 5, -2.0, 2.0, 1e-18),
    )
    for factor in (1e6, 1e12):
        sigma = draw.table(3, 5, 0.1, 1.5)
        sigma[1][2] = single(factor * 1.1)
        yield draw.case(f"one sigma {factor:g}", shape, sigma=sigma)

    draw = Draw("extreme double", f32=False)
    for factor in (1e-200, 1e150):
        yield draw.case(f"double, x scaled by {factor:g}", shape, x=draw.table(6, 5, -2.0, 2.0, factor))
    mixed = [[entry * (1e-200, 1e150, 1.0)[(b + i) % 3] for i, entry in enumerate(row)]
             for b, row in enumerate(draw.table(6, 5, -2.0, 2.0))]
    yield draw.case("double, rows mix 1e-200, 1, 1e150", shape, x=mixed)
    small = draw.table(3, 5, 0.1, 1.5, 1e-180)
    yield draw.case("double, sigma 1e-180", shape, sigma=small)
    yield draw.case("double, sigma 1e-180, mu zero", shape, mu=[[0.0] * 5] * 3, sigma=small)
    yield draw.case("double, sigma and mu 1e-180", shape, mu=draw.table(3, 5, -1.0, 1.0, 1e-180), sigma=small)
    yield draw.case(
        "double, s subnormal", shape,
        mu=draw.table(3, 5, -1.0, 1.0, 1e-180), sigma=small, x=draw.table(6, 5, -2.0, 2.0, 1e-138),
    )
    steps = [[entry * (1e-200, 1.0, 1e150, 1e-100, 1.0, 1e100)[b] for entry in row]
             for b, row in enumerate(draw.table(6, 5, -2.0, 2.0))]
    yield draw.case("double, batch mixes 1e-200 to 1e150", shape, x=steps)


def wide():
    shape = (784, 2, 2, 2)
    draw = Draw("wide, digits")
    digits = [[single(int(255 * draw.random.random()) / 255) if draw.random.random() < 0.2 else 0.0 for _ in range(784)]
              for _ in range(2)]
    yield draw.case("wide, digits", shape, mu=draw.table(2, 784, -0.1, 0.1), sigma=draw.table(2, 784, 0.05, 0.3), x=digits)
    draw = Draw("wide, all positive")
    positive = {
        "mu": draw.table(2, 784, 0.001, 0.002),
        "sigma": draw.table(2, 784, 0.01, 0.05),
        "u": [draw.table(2, 784, 0.1, 1.0) for _ in range(2)],
        "v": draw.table(2, 2, 0.1, 1.0),
        "x": draw.table(2, 784, 0.5, 1.0),
        "g": draw.table(2, 2, 0.1, 1.0),
    }
    yield draw.case("wide, all positive", shape, **positive)


FILES = {"ordinary": ordinary, "tails": tails, "degenerate": degenerate, "extreme": extreme, "wide": wide}


# --- The files ---------------------------------------------------------------------------------------


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


def rounded_up(value):
    """A budget to three digits, never too small by more than their rounding."""
    return number(f"{float(value):.2e}")


def array(texts):
    return "[" + ",".join(texts) + "]"


def entry_lists(entries):
    high = [float(entry.value) for entry in entries]
    low = [float(entry.value - top) for entry, top in zip(entries, high)]
    return {
        "hi": array(map(number, high)),
        "lo": array(number(f"{rest:.3e}") for rest in low),
        "scale": array(rounded_up(entry.scale) for entry in entries),
        "floor": array(rounded_up(entry.floor) for entry in entries),
    }


def fits_single(values):
    largest = max(max(abs(entry.value), entry.scale, entry.floor) for block in values.values() for entry in block)
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
