"""Fits the polynomials of the normal distribution's kernels (src/normal/f32.rs and f64.rs).

    pip install mpmath gmpy2        # gmpy2 only makes it faster
    python3 scripts/fit_normal.py   # some ten seconds

It prints the constants, and fails unless those in the source are the same numbers.

With Mills' ratio M(a) = Q(a)/phi(a), Laplace's continued fraction begins

    M(a) = 1 / (a + 1 / (a + tau(a))),    tau(0) = sqrt(pi/2),    tau(a) ~ 2/a,

and tau is smooth and small. We fit tau = B/A, polynomials with positive coefficients, by Remez'
exchange on [0, end]. What counts is the relative error of the results, not of tau: with
c = a + tau and E = 1 + a c they are Q = phi c/E and psi(-a) = phi/E, so that a relative error d of tau
costs d tau/(c E) in Q and d a tau/E in psi(-a). The weight is the larger of the two.

The exponential needs q with e^r = 1 + r + r^2 q(r) for |r| a little beyond ln(2)/2; same exchange.

Rounding to the format is part of the fit: A and B may carry a common factor, so of many factors the one
is taken whose rounded coefficients do least harm.
"""

import pathlib
import random
import re
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
    """Common factors with A(0) in [1/4, 1/2), for which Q(0) = 1/2 and psi(0) = phi(0) to the last digit."""
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
    print(f"tau on [0, {end}], degrees {degree - 1}/{degree}: relative error of Q and psi 2^{float(mp.log(worst, 2)):.2f}")
    assert all(c > 0 for c in a + b)
    return points, target, weight, b, a


def fit_exponential(name, reach, degree):
    count = 1201
    points = [-reach * mp.cos(mp.pi * (i + mpf(1) / 2) / (count + 1)) for i in range(count + 1)]
    target = [(mp.expm1(r) - r) / (r * r) for r in points]
    weight = [r * r * f / mp.exp(r) for r, f in zip(points, target)]
    b, _, worst = exchange(points, target, weight, degree, 0, spread(count, degree + 2))
    rounded, after = round_polynomial(b, points[::8], name)
    print(
        f"q for |r| <= {float(reach):.4f}, degree {degree}: relative error of e^r "
        f"2^{float(mp.log(worst, 2)):.2f}, rounded 2^{float(mp.log(after, 2)):.2f}"
    )
    return rounded


def round_polynomial(q, points, name):
    """Rounded coefficients of q and the relative error of e^r they give.

    One coefficient at a time moves by a few last places while that helps: the later ones, which are finer,
    make up for what the rounding of the first ones costs.
    """
    bits = {"f32": 24, "f64": 53}[name]
    powers = [[float(r ** (j + 2) * mp.exp(-r)) for r in points] for j in range(len(q))]
    fitted = [float((1 + r + r * r * horner(q, r)) * mp.exp(-r) - 1) for r in points]

    def error(candidate):
        change = [float(new - old) for new, old in zip(candidate, q)]
        return max(abs(e + sum(c * p[i] for c, p in zip(change, powers))) for i, e in enumerate(fitted))

    rounded = [to_format(c, name) for c in q]
    best, improved = error(rounded), True
    while improved:
        improved = False
        for j, c in enumerate(rounded):
            place = mpf(2) ** (mp.frexp(c)[1] - bits)
            for step in (1, -1, 2, -2, 5, -5, 20, -20, 100, -100):
                candidate = rounded[:j] + [to_format(c + step * place, name)] + rounded[j + 1 :]
                now = error(candidate)
                if now < best:
                    best, rounded, improved = now, candidate, True
    return rounded, mpf(best)


def split(x, unit):
    """x as a multiple of `unit` and the rest."""
    high = mp.nint(x / unit) * unit
    return high, x - high


def check(name, constant, values):
    """Prints a constant and compares it with the source."""
    values = values if isinstance(values, list) else [values]
    values = [to_format(value, name) for value in values]
    print(f"{constant}: {', '.join(decimal(value, name) for value in values)}")
    source = (pathlib.Path(__file__).parent.parent / f"src/normal/{name}.rs").read_text()
    text = re.search(rf"const {constant}: [^=]*=\s*\[?([^;\]]*)\]?;", source).group(1)
    words = re.findall(r"-?[\d.]+(?:e-?\d+)?", text.replace("_", ""))
    found = [decimal(to_format(mpf(word), name), name) for word in words]
    want = [decimal(value, name) for value in values]
    assert found == want, f"{constant} in src/normal/{name}.rs: {found}"


def fit(name, end, degree, exponential_degree, unit):
    """All constants of one kernel. `unit` is the last place of the squares in the reduction."""
    print(f"\n{name}")
    points, target, weight, b, a = fit_tail(name, end, degree)
    random.seed(1)
    harm, b, a = round_pair(b, a, points, weight, name, TRIES)
    print(f"rounding its coefficients: at most 2^{float(mp.log(harm, 2)):.2f}")
    check(name, "NUMERATOR", b)
    check(name, "DENOMINATOR", a)
    reach = mp.log(2) / 2 + mpf(2) ** -15
    check(name, "EXPONENTIAL", fit_exponential(name, reach, exponential_degree))
    for constant, value, last in (("LN2", mp.log(2), LN2_UNIT[name]), ("NORM", mp.log(2 * mp.pi) / 2, unit)):
        high, low = split(value, last)
        check(name, constant + "_HIGH", high)
        check(name, constant + "_LOW", low)


LN2_UNIT = {"f32": mpf(2) ** -9, "f64": mpf(2) ** -41}
TRIES = 20000

if __name__ == "__main__":
    fit("f32", 15, 5, 4, mpf(2) ** -17)
    fit("f64", 40, 11, 9, mpf(2) ** -41)
