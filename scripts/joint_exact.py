"""The joint Gaussian mixture layer and its error budget in many digits, from the formulas of `joint_table.py`."""

from diagonal_exact import Budget, exact, flat, rectified, total
from mpmath import mp, mpf, sqrt


class Case:
    """Sizes and inputs: x[b][i], mu_w[k][l], mu_b[k][i], c_w[k][l][r], c_b[k][i][r], g[b][l]."""

    def __init__(self, name, f32, mu_w, mu_b, c_w, c_b, x, g):
        self.name, self.f32 = name, f32
        # Copies, so that a difference along one entry moves that entry alone.
        self.mu_w, self.mu_b, self.x, self.g = (list(map(list, rows)) for rows in (mu_w, mu_b, x, g))
        self.c_w, self.c_b = ([list(map(list, rows)) for rows in blocks] for blocks in (c_w, c_b))
        self.inputs, self.outputs, self.rank = len(mu_b[0]), len(mu_w[0]), len(c_b[0][0])
        self.components, self.batch = len(mu_b), len(x)

    def projections(self, b, k):
        """m and q, each beside the sum of the sizes of its terms, and s."""
        x = [mpf(value) for value in self.x[b]]
        m = [mpf(a) * c for a, c in zip(self.mu_b[k], x)]
        q = [[mpf(row[r]) * c for row, c in zip(self.c_b[k], x)] for r in range(self.rank)]
        sums = [sum(terms, mpf(0)) for terms in q]
        sizes = [sum(map(abs, terms), mpf(0)) for terms in q]
        s = sqrt(sum((value**2 for value in sums), mpf(0)))
        return (sum(m, mpf(0)), sum(map(abs, m), mpf(0))), list(zip(sums, sizes)), s


def factors(m, dm, q, s):
    """r, p, phi, t phi and y = q / s with their first-order budgets.

    m is a sum of terms of total size dm, each q of terms of the size that stands beside it.
    """
    r, p, phi, tphi = rectified(m, s, mp.dps)
    if s == 0:
        sizes = (2 * r + p * dm, p, phi, tphi)
        unit = [Budget(mpf(0), mpf(0), mpf(0)) for _ in q]
    else:
        ds = sum((abs(value) * size for value, size in q), mpf(0)) / s
        t = abs(m / s)
        dt = (dm + t * ds) / s
        sizes = (
            2 * r + p * dm + phi * ds,
            p + p + phi * dt,
            phi + phi + t * phi * dt,
            2 * t * phi + abs(1 - t * t) * phi * dt,
        )
        unit = [
            Budget(value / s, abs(value) / s + (size + abs(value) / s * ds) / s, mpf(1)) for value, size in q
        ]
    return [Budget(value, scale, mpf(1)) for value, scale in zip((r, p, phi, tphi), sizes)], unit


def evaluate(case):
    """Every output of a case, as flat lists of budgets."""
    d, outputs, rank = case.inputs, case.outputs, case.rank
    components, batch = case.components, case.batch
    weight, zero, minus = exact(mpf(1) / components), exact(0), exact(-1)
    h = [[zero] * outputs for _ in range(batch)]
    dx = [[zero] * d for _ in range(batch)]
    dmu_w = [[zero] * outputs for _ in range(components)]
    dmu_b = [[zero] * d for _ in range(components)]
    dc_w = [[[zero] * rank for _ in range(outputs)] for _ in range(components)]
    dc_b = [[[zero] * rank for _ in range(d)] for _ in range(components)]
    for k in range(components):
        mu_w, mu_b = (list(map(exact, row)) for row in (case.mu_w[k], case.mu_b[k]))
        c_w, c_b = ([list(map(exact, row)) for row in rows] for rows in (case.c_w[k], case.c_b[k]))
        for b in range(batch):
            (m, dm), directions, s = case.projections(b, k)
            (r, p, phi, tphi), y = factors(m, dm, directions, s)
            q = [Budget(value, size, size) for value, size in directions]
            x, g = list(map(exact, case.x[b])), list(map(exact, case.g[b]))

            e = [total(c_w[l][column] * g[l] for l in range(outputs)) for column in range(rank)]
            slope = total(map(Budget.__mul__, g, mu_w))
            spread = total(map(Budget.__mul__, e, y))
            dm_ = (slope * p + spread * phi) * weight
            ds_ = (slope * phi + minus * spread * tphi) * weight
            r, p = r * weight, p * weight
            dq = [ds_ * y[column] + p * e[column] for column in range(rank)]
            for l in range(outputs):
                h[b][l] += mu_w[l] * r + total(map(Budget.__mul__, c_w[l], q)) * p
                dmu_w[k][l] += g[l] * r
                for column in range(rank):
                    dc_w[k][l][column] += g[l] * q[column] * p
            for i in range(d):
                dmu_b[k][i] += x[i] * dm_
                dx[b][i] += mu_b[i] * dm_ + total(map(Budget.__mul__, c_b[i], dq))
                for column in range(rank):
                    dc_b[k][i][column] += x[i] * dq[column]
    return {
        "h": flat(h),
        "mu_w": flat(dmu_w),
        "mu_b": flat(dmu_b),
        "c_w": flat(flat(dc_w)),
        "c_b": flat(flat(dc_b)),
        "x": flat(dx),
    }
