"""Checks of the exact values: central differences of the layer's own h, and the exact identities."""

from diagonal_exact import exact, flat, rectified, total
from joint_exact import evaluate
from mpmath import log10, mp, mpf


def loss(case, rows, components):
    """K times the part of sum_b <g_b, h(x_b)> that comes from some rows and components, from h alone."""
    result = mpf(0)
    for k in components:
        for b in rows:
            (m, _), q, s = case.projections(b, k)
            r, p, _, _ = rectified(m, s, mp.dps)
            for g, mu_w, c_w in zip(case.g[b], case.mu_w[k], case.c_w[k]):
                stein = sum((mpf(c) * value for c, (value, _) in zip(c_w, q)), mpf(0))
                result += g * (mpf(mu_w) * r + stein * p)
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


def check_differences(case, per_block=100):
    """The worst gap between a gradient and its central difference, in units of the entry's scale."""
    all_rows, all_components = range(case.batch), range(case.components)
    projections = [case.projections(b, k) for b in all_rows for k in all_components]
    lengths = [s if s else abs(m) for (m, _), _, s in projections if s or m] + [mpf(1)]
    inputs = flat(flat(case.c_w) + flat(case.families) + case.mu_w + case.mu_b + case.x)
    largest = max([mpf(1)] + [abs(mpf(e)) for e in inputs])
    digits = 60 + int(log10(largest / min(lengths)))
    kept_digits, mp.dps = mp.dps, 2 * digits + 400
    step = mpf(10) ** -digits
    exact_values = evaluate(case)
    families = zip(case.families, [all_components] if case.is_tied else [[k] for k in all_components])
    rows_of = {
        "mu_w": [(case.mu_w[k], all_rows, [k]) for k in all_components],
        "mu_b": [(case.mu_b[k], all_rows, [k]) for k in all_components],
        "c_w": [(row, all_rows, [k]) for k in all_components for row in case.c_w[k]],
        "c_b": [(row, all_rows, users) for c_b, users in families for row in c_b],
        "x": [(case.x[b], [b], all_components) for b in all_rows],
    }
    worst, count = mpf(0), 0
    for block, rows in rows_of.items():
        places = [(row, i, along, across) for row, along, across in rows for i in range(len(row))]
        stride = -(-len(places) // per_block)
        for place, want in list(zip(places, exact_values[block]))[::stride]:
            gap = abs(difference(case, *place, step) - want.value)
            worst = max(worst, gap / want.scale if want.scale else gap)
            count += 1
    rectified.cache_clear()
    mp.dps = kept_digits
    return worst, count


def check_identities(case):
    """The worst relative gap of the exact identities."""
    values = evaluate(case)
    loss_terms = total(entry * exact(g) for entry, g in zip(values["h"], flat(case.g)))

    def product(block, inputs):
        return total(exact(a) * entry for a, entry in zip(inputs, values[block]))

    sums = [
        product("x", flat(case.x)),
        product("mu_w", flat(case.mu_w)) + product("c_w", flat(flat(case.c_w))),
        product("mu_b", flat(case.mu_b)) + product("c_b", flat(flat(case.families))),
    ]
    sizes = [left.scale + loss_terms.scale for left in sums]
    return max(abs(left.value - loss_terms.value) / size if size else mpf(0) for left, size in zip(sums, sizes))


def check(cases):
    worst = mpf(0)
    for case in cases:
        identity = check_identities(case)
        gap, count = check_differences(case)
        worst = max(worst, identity, gap)
        figures = f"identities {mp.nstr(identity, 2):>9}  {count:4} differences {mp.nstr(gap, 2):>9}"
        print(f"{case.name:36} {figures}", flush=True)
    print(f"{len(cases)} cases, worst {mp.nstr(worst, 2)}")
    if worst > mpf(10) ** -50:
        raise SystemExit("the table is wrong")
