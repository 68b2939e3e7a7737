"""The diagonal Gaussian mixture layer and its error budget in many digits, from the formulas of
`diagonal_table.py`."""

from functools import lru_cache

from mpmath import erfc, exp, mp, mpf, pi, sqrt


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
