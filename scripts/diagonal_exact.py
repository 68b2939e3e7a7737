"""The diagonal Gaussian mixture layer and its error budget in many digits, from the formulas of
`diagonal_table.py`."""

from functools import lru_cache

from mpmath import erfc, exp, mp, mpf, pi, sqrt


class Budget:
    """A number, its scale and its floor: it is known to 8 (u scale + eta floor).

    The scale is the sum of the absolute values of the terms that the number is made of. The floor is what
    the products on the way may lose below the normal numbers: each of them up to `unit` smallest subnormal
    numbers, which the later factors multiply. The unit of an entry is the largest entry of its block where
    that is above 1, since a block may be scaled by a power of two; that of a product is the product of the
    units, and at least 1. A product with an exact 0 is exact.
    """

    __slots__ = ("value", "scale", "floor", "unit")

    def __init__(self, value, scale, floor, unit=mpf(1)):
        self.value, self.scale, self.floor, self.unit = value, scale, floor, unit

    def __add__(self, other):
        unit = max(self.unit, other.unit)
        return Budget(self.value + other.value, self.scale + other.scale, self.floor + other.floor, unit)

    def __sub__(self, other):
        return self + Budget(-other.value, other.scale, other.floor, other.unit)

    def __mul__(self, other):
        unit = self.unit * other.unit
        floor = abs(self.value) * other.floor + abs(other.value) * self.floor
        if self.scale and other.scale:
            floor += max(mpf(1), unit)
        return Budget(self.value * other.value, self.scale * other.scale, floor, unit)

    def computed_as(self, other):
        """The same number computed in another order too: the larger floor holds."""
        return Budget(self.value, self.scale, max(self.floor, other.floor), self.unit)

    def floored(self, other):
        """The same number with the floor that other products give it."""
        return Budget(self.value, self.scale, other.floor, other.unit)


def exact(value):
    """A quantity that carries no error of its own to first order."""
    return Budget(mpf(value), abs(mpf(value)), mpf(0))


def largest(*blocks):
    """The largest entry of some blocks, at least 1: the unit of their entries."""
    return max([mpf(1)] + [abs(mpf(entry)) for block in blocks for entry in block])


def entries(block, unit):
    """The entries of a block: they are exact where they cannot have been scaled down."""
    known = unit if unit > 1 else mpf(0)
    return [Budget(mpf(e), abs(mpf(e)), known if e else mpf(0), unit) for e in block]


def shared(number, components):
    """A number over the number of components."""
    return number if components == 1 else number * exact(mpf(1) / components)


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


def factors(m, s, ds):
    """r, p, phi, t phi and 1 / s with their budgets, where m is a sum of terms and s is off by u ds.

    The scales carry the first-order error of m and s. The floors are a rounding of each factor; r and t phi, which
    may be as small as m, carry what the products of m lose as well.
    """
    values = r, p, phi, tphi = rectified(m.value, s, mp.dps)
    if s == 0:
        scales = (2 * r + p * m.scale, p, phi, tphi)
        inverse = slope = mpf(0)
    else:
        t = abs(m.value / s)
        dt = (m.scale + t * ds) / s
        scales = (
            2 * r + p * m.scale + phi * ds,
            2 * p + phi * dt,
            2 * phi + t * phi * dt,
            2 * t * phi + abs(1 - t * t) * phi * dt,
        )
        inverse, slope = 1 / s, abs(1 - t * t) * phi / s
    floors = (m.unit + p * m.floor, mpf(1), mpf(1), 1 + slope * m.floor)
    units = (m.unit, mpf(1), mpf(1), mpf(1))
    inverse = Budget(inverse, inverse, mpf(0), 1 / m.unit)
    return *(Budget(*fields) for fields in zip(values, scales, floors, units)), inverse


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
    zero = exact(0)
    h = [[zero] * outputs for _ in range(batch)]
    dx = [[zero] * d for _ in range(batch)]
    dmu = [[zero] * d for _ in range(components)]
    dsigma = [[zero] * d for _ in range(components)]
    du = [[[zero] * d for _ in range(outputs)] for _ in range(components)]
    dv = [[zero] * outputs for _ in range(components)]
    for k in range(components):
        unit = largest(case.mu[k], case.sigma[k])
        mu, sigma = entries(case.mu[k], unit), entries(case.sigma[k], unit)
        unit = largest(case.v[k], *case.u[k])
        u, v = [entries(row, unit) for row in case.u[k]], entries(case.v[k], unit)
        a = [total(u[l][i] * mu[i] for i in range(d)) + v[l] for l in range(outputs)]
        variance = [sigma[i] * sigma[i] for i in range(d)]
        for b in range(batch):
            x, g = (entries(row, largest(row)) for row in (case.x[b], case.g[b]))
            g = [shared(entry, components) for entry in g]
            s = case.moments(b, k)[1]
            r, p, phi, tphi, inverse = factors(total(map(Budget.__mul__, mu, x)), s, s)
            stein = [variance[i] * x[i] for i in range(d)]
            wx = [total(map(Budget.__mul__, u[l], stein)) for l in range(outputs)]

            rho, pi_ = total(map(Budget.__mul__, g, a)), total(map(Budget.__mul__, g, wx))
            dm = rho * p + pi_ * phi * inverse
            ds_s = (rho * phi - pi_ * tphi * inverse) * inverse
            for l in range(outputs):
                h[b][l] += shared(a[l] * r + wx[l] * p, components)
                dv[k][l] += g[l] * r
                for i in range(d):
                    du[k][l][i] += g[l] * (mu[i] * r + stein[i] * p)
            for i in range(d):
                pull = total(u[l][i] * g[l] for l in range(outputs))
                turn = pull * p * x[i]
                dmu[k][i] += pull * r + x[i] * dm
                # By the variance in a batch, by sigma x / s in a single row.
                of_row = ds_s * (sigma[i] * x[i])
                spread = (sigma[i] * (ds_s * (x[i] * x[i]))).computed_as(of_row * x[i])
                dsigma[k][i] += spread + sigma[i] * (turn + turn)
                spread = (ds_s * variance[i] * x[i]).computed_as(sigma[i] * of_row)
                dx[b][i] += mu[i] * dm + (spread + variance[i] * (pull * p))
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
