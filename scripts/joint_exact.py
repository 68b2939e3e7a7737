"""The joint Gaussian mixture layer and its error budget in many digits, from the formulas of `joint_table.py`."""

from diagonal_exact import Budget, entries, exact, factors, flat, largest, shared, total
from mpmath import mp, mpf, sqrt


class Case:
    """Sizes and inputs: x[b][i], mu_w[k][l], mu_b[k][i], c_w[k][l][r], c_b[k][i][r], g[b][l].

    With one c_b[i][r] for several components the layer is tied: all of them are that one list.
    """

    def __init__(self, name, f32, mu_w, mu_b, c_w, c_b, x, g):
        self.name, self.f32 = name, f32
        # Copies, so that a difference along one entry moves that entry alone.
        self.mu_w, self.mu_b, self.x, self.g = (list(map(list, rows)) for rows in (mu_w, mu_b, x, g))
        self.c_w, self.c_b = ([list(map(list, rows)) for rows in blocks] for blocks in (c_w, c_b))
        self.inputs, self.outputs, self.rank = len(mu_b[0]), len(mu_w[0]), len(c_b[0][0])
        self.components, self.batch = len(mu_b), len(x)
        self.is_tied = len(c_b) < len(mu_b)
        self.families = self.c_b
        self.c_b = self.c_b * self.components if self.is_tied else self.c_b

    def projections(self, b, k):
        """m and q, each beside the sum of the sizes of its terms, and s."""
        x = [mpf(value) for value in self.x[b]]
        m = [mpf(a) * c for a, c in zip(self.mu_b[k], x)]
        q = [[mpf(row[r]) * c for row, c in zip(self.c_b[k], x)] for r in range(self.rank)]
        sums = [sum(terms, mpf(0)) for terms in q]
        sizes = [sum(map(abs, terms), mpf(0)) for terms in q]
        s = sqrt(sum((value**2 for value in sums), mpf(0)))
        return (sum(m, mpf(0)), sum(map(abs, m), mpf(0))), list(zip(sums, sizes)), s


def direction(q, s, ds):
    """q / s with its scale, where s is off by u ds."""
    if s == 0:
        return exact(0)
    size = abs(q.value) / s
    return Budget(q.value / s, size + (q.scale + size * ds) / s, mpf(0))


def evaluate(case):
    """Every output of a case, as flat lists of budgets."""
    d, outputs, rank = case.inputs, case.outputs, case.rank
    components, batch = case.components, case.batch
    zero = exact(0)
    h = [[zero] * outputs for _ in range(batch)]
    dx = [[zero] * d for _ in range(batch)]
    dmu_w = [[zero] * outputs for _ in range(components)]
    dmu_b = [[zero] * d for _ in range(components)]
    dc_w = [[[zero] * rank for _ in range(outputs)] for _ in range(components)]
    dc_b = [[[zero] * rank for _ in range(d)] for _ in range(components)]
    for k in range(components):
        unit = largest(case.mu_b[k], *case.c_b[k])
        mu_b, c_b = entries(case.mu_b[k], unit), [entries(row, unit) for row in case.c_b[k]]
        unit = largest(case.mu_w[k], *case.c_w[k])
        mu_w, c_w = entries(case.mu_w[k], unit), [entries(row, unit) for row in case.c_w[k]]
        for b in range(batch):
            x, g = (entries(row, largest(row)) for row in (case.x[b], case.g[b]))
            g = [shared(entry, components) for entry in g]
            q = [total(c_b[i][column] * x[i] for i in range(d)) for column in range(rank)]
            s = case.projections(b, k)[2]
            ds = sum((abs(entry.value) * entry.scale for entry in q), mpf(0)) / s if s else mpf(0)
            r, p, phi, tphi, inverse = factors(total(map(Budget.__mul__, mu_b, x)), s, ds)
            y = [direction(entry, s, ds) for entry in q]

            e = [total(c_w[l][column] * g[l] for l in range(outputs)) for column in range(rank)]
            rho, pi_ = (total(map(Budget.__mul__, *pair)) for pair in ((g, mu_w), (e, q)))
            along = total(map(Budget.__mul__, e, y)).floored(pi_ * inverse)
            dm = rho * p + along * phi
            ds_ = rho * phi - along * tphi
            dq = [(ds_ * y[c]).floored(ds_ * inverse * q[c]) + p * e[c] for c in range(rank)]
            for l in range(outputs):
                h[b][l] += shared(mu_w[l] * r + total(map(Budget.__mul__, c_w[l], q)) * p, components)
                dmu_w[k][l] += g[l] * r
                for column in range(rank):
                    dc_w[k][l][column] += g[l] * q[column] * p
            for i in range(d):
                dmu_b[k][i] += x[i] * dm
                dx[b][i] += mu_b[i] * dm + total(map(Budget.__mul__, c_b[i], dq))
                for column in range(rank):
                    dc_b[k][i][column] += x[i] * dq[column]
    if case.is_tied:
        dc_b = [[[total(each) for each in zip(*rows)] for rows in zip(*dc_b)]]
    return {
        "h": flat(h),
        "mu_w": flat(dmu_w),
        "mu_b": flat(dmu_b),
        "c_w": flat(flat(dc_w)),
        "c_b": flat(flat(dc_b)),
        "x": flat(dx),
    }
