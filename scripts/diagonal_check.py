"""Checks of the exact values: central differences of the layer's own h, and the exact identities."""

from diagonal_exact import Budget, Case, evaluate, exact, flat, rectified, total
from mpmath import log10, mp, mpf


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
    kept_digits, mp.dps = mp.dps, 2 * digits + 400
    step = mpf(10) ** -digits
    exact_values = evaluate(case)
    all_rows, all_components = range(case.batch), range(case.components)
    entries = {
        "mu": [(case.mu[k], i, all_rows, [k]) for k in all_components for i in range(case.inputs)],
        "sigma": [(case.sigma[k], i, all_rows, [k]) for k in all_components for i in range(case.inputs)],
        "u": [
            (row, i, all_rows, [k]) for k in all_components for row in case.u[k] for i in range(case.inputs)
        ],
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
    mp.dps = kept_digits
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
            mean, spread = (
                Budget(m, dm, dm),
                total(
                    exact(u) * exact(e) * exact(e) * exact(x)
                    for u, e, x in zip(case.u[k][l], case.sigma[k], case.x[b])
                ),
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
        figures = f"identities {mp.nstr(identity, 2):>9}  {count:4} differences {mp.nstr(gap, 2):>9}"
        print(f"{case.name:36} {figures}", flush=True)
    print(f"{len(cases)} cases, worst {mp.nstr(worst, 2)}")
    if worst > mpf(10) ** -50:
        raise SystemExit("the table is wrong")
