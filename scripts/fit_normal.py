"""Fits the polynomials of the normal distribution's kernels (src/normal/f32.rs and f64.rs).

    pip install mpmath gmpy2        # gmpy2 only makes it faster
    python3 scripts/fit_normal.py   # about a minute; prints the constants as they stand in the source

With Mills' ratio M(a) = Q(a)/phi(a), Laplace's continued fraction begins

    M(a) = 1 / (a + 1 / (a + tau(a))),    tau(0) = sqrt(pi/2),    tau(a) ~ 2/a,

and tau is smooth and small. We fit tau = B/A, polynomials with positive coefficients, by Remez'
exchange on [0, end]. What counts is the relative error of the results, not of tau: with
c = a + tau and E = 1 + a c they are Q = phi c/E and psi(-a) = phi/E, so that a relative error d of tau
costs d tau/(c E) in Q and d a tau/E in psi(-a). The weight is the larger of the two.

The exponential needs q with e^r = 1 + r + r^2 q(r) for |r| a little beyond ln(2)/2; same exchange.

Rounding to the format is part of the fit: A and B may carry a common factor, so the factor is chosen
among many for which the rounded coefficients do least harm.
"""

import random
import struct

from mpmath import mp, mpf

mp.prec = 280


def horner(coefficients, x):
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def exchange(points, target, weight, numerator, denominator, start, sweeps=40):
    """Remez' exchange: target ~ B/A with A(0) = 1, minimising max |weight (B/A - target)/target|.

    `points`, `target` and `weight` are a dense grid; `start` are the first reference indices.
    """
    reference, level = start, mpf(0)
    b, a = [mpf(0)] * (numerator + 1), [mpf(1)] + [mpf(0)] * denominator
    for sweep in range(sweeps):
        for _ in range(8):  # the levelled error times A is linearised about the last A
            rows, right = [], []
            for i, index in enumerate(reference):
                x, f, w = points[index], target[index], weight[index]
                sign = 1 - 2 * (i % 2)
                rows.append(
                    [x**j for j in range(numerator + 1)]
                    + [-f * x**j for j in range(1, denominator + 1)]
                    + [-sign * f * horner(a, x) / w]
                )
                right.append(f)
            solution = mp.lu_solve(mp.matrix(rows), mp.matrix(right))
            b = [solution[j] for j in range(numerator + 1)]
            a = [mpf(1)] + [solution[numerator + 1 + j] for j in range(denominator)]
            before, level = level, solution[len(reference) - 1]
            if denominator == 0 or abs(level - before) < abs(level) * mpf(10) ** -6:
                break
        error = [w * (horner(b, x) / horner(a, x) - f) / f for x, f, w in zip(points, target, weight)]
        runs, last = [], None
        for index, e in enumerate(error):  # the largest error of each run of one sign
            sign = e > 0
            if sign != last:
                runs.append(index)
                last = sign
            elif abs(e) > abs(error[runs[-1]]):
                runs[-1] = index
        while len(runs) > len(reference):
            runs.pop(0 if abs(error[runs[0]]) < abs(error[runs[-1]]) else -1)
        worst = max(abs(e) for e in error)
        if len(runs) < len(reference):
            raise ValueError(f"only {len(runs)} sign changes of {len(reference)}; level {float(level)}")
        reference = runs
        if worst < abs(level) * (1 + mpf(10) ** -3):
            break
    return b, a, worst


def mills(end, count):
    """A grid on [0, end], denser near 0, with tau and the weight of its relative error there."""
    points, target, weight = [], [], []
    for i in range(count + 1):
        # Equal steps of z = a/(a + 2), with Chebyshev's crowding at both ends.
        z = (1 - mp.cos(mp.pi * i / count)) / 2 * end / (end + 2)
        a = 2 * z / (1 - z)
        ratio = mp.sqrt(mp.pi / 2) * mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2))
        tau = 1 / (1 / ratio - a) - a
        c = a + tau
        e = 1 + a * c
        points.append(a)
        target.append(tau)
        weight.append(max(tau / (c * e), a * tau / e))
    return points, target, weight


def spread(count, size):
    """`size` indices of a grid of count + 1 points."""
    return [round(i * count / (size - 1)) for i in range(size)]


def to_format(x, name):
    """The nearest number of the format."""
    bits = {"f32": 24, "f64": 53}[name]
    with mp.workprec(bits):
        return +x


def decimal(x, name):
    """The shortest decimal that reads back as the same number of the format."""
    value = float(x)
    if name == "f64":
        return repr(value)
    for digits in range(1, 20):
        text = f"{value:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
            return text if "." in text or "e" in text else text + ".0"


def factors(b, a, name, tries):
    """Common factors in [1/4, 1/2) for which B/A comes out exact at 0, as far as the format can tell."""
    norm = to_format(1 / mp.sqrt(2 * mp.pi), name)
    while tries > 0:
        anchor = to_format(mpf(random.random()) / 4 + mpf(1) / 4, name)
        numerator = to_format(b[0] / a[0] * anchor, name)
        inverse = to_format(norm / anchor, name)
        if to_format(numerator * inverse, name) == 0.5 and to_format(anchor * inverse, name) == norm:
            tries -= 1
            yield anchor / a[0]


def round_pair(b, a, points, weight, name, tries):
    """The rounding of both polynomials, after a common factor, whose weighted error is least."""
    some = range(0, len(points), max(1, len(points) // 150))
    xs = [float(points[i]) for i in some]
    ws = [float(weight[i]) for i in some]
    size = [(float(horner(b, points[i])), float(horner(a, points[i]))) for i in some]
    powers = [[x**j for j in range(len(a))] for x in xs]
    best = None
    for factor in factors(b, a, name, tries):
        rb = [to_format(c * factor, name) for c in b]
        ra = [to_format(c * factor, name) for c in a]
        db = [float((r - c * factor) / factor) for r, c in zip(rb, b)]
        da = [float((r - c * factor) / factor) for r, c in zip(ra, a)]
        harm = 0.0
        for p, w, (sb, sa) in zip(powers, ws, size):
            e = sum(x * y for x, y in zip(db, p)) / sb - sum(x * y for x, y in zip(da, p)) / sa
            harm = max(harm, w * abs(e))
            if best and harm > best[0]:
                break
        if best is None or harm < best[0]:
            best = (harm, rb, ra)
    return best


def fit_tail(name, end, degree):
    count = 1500
    points, target, weight = mills(mpf(end), count)
    b, a, worst = exchange(points, target, weight, degree - 1, degree, spread(count, 2 * degree + 1))
    print(f"// {name}: tau on [0, {end}], degrees {degree - 1}/{degree}: 2^{float(mp.log(worst, 2)):.2f}")
    assert all(c > 0 for c in a + b)
    return points, target, weight, b, a


def fit_exponential(name, reach, degree):
    count = 1201
    points = [-reach * mp.cos(mp.pi * (i + mpf(1) / 2) / (count + 1)) for i in range(count + 1)]
    target = [(mp.expm1(r) - r) / (r * r) for r in points]
    weight = [r * r * f / mp.exp(r) for r, f in zip(points, target)]
    b, _, worst = exchange(points, target, weight, degree, 0, spread(count, degree + 2))
    print(f"// {name}: q on [-{float(reach):.4f}, {float(reach):.4f}], degree {degree}: 2^{float(mp.log(worst, 2)):.2f}")
    return b



def split(x, unit):
    """x as a multiple of `unit` and the rest."""
    high = mp.nint(x / unit) * unit
    return high, x - high


def show(name, constant, values):
    if isinstance(values, list):
        print(f"const {constant}: [{name}; {len(values)}] = [")
        for value in values:
            print(f"    {decimal(value, name)},")
        print("];")
    else:
        print(f"const {constant}: {name} = {decimal(to_format(values, name), name)};")


def fit(name, end, degree, exponential_degree, unit):
    """All constants of one kernel. `unit` is the last place of the squares in the reduction."""
    print(f"// {name}")
    points, target, weight, b, a = fit_tail(name, end, degree)
    random.seed(1)
    harm, b, a = round_pair(b, a, points, weight, name, TRIES)
    print(f"// rounding the coefficients costs at most 2^{float(mp.log(harm, 2)):.2f}")
    show(name, "NUMERATOR", b)
    show(name, "DENOMINATOR", a)
    reach = mp.log(2) / 2 + mpf(end) * mp.sqrt(2 * unit) / 2
    q = fit_exponential(name, reach, exponential_degree)
    show(name, "EXPONENTIAL", [to_format(c, name) for c in q])
    high, low = split(mp.log(2), LN2_UNIT[name])
    show(name, "LN2_HIGH", high)
    show(name, "LN2_LOW", low)
    high, low = split(mp.log(2 * mp.pi) / 2, unit)
    show(name, "NORM_HIGH", high)
    show(name, "NORM_LOW", low)


LN2_UNIT = {"f32": mpf(2) ** -9, "f64": mpf(2) ** -41}
TRIES = 20000

if __name__ == "__main__":
    fit("f32", 15, 5, 4, mpf(2) ** -17)
    fit("f64", 40, 11, 9, mpf(2) ** -41)
