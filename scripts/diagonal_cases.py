"""The cases of the tables: ordinary shapes, both tails, s = 0, extreme scales, many inputs, single rows."""

import random
import struct

from diagonal_exact import Case


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
    for shape in [
        (1, 1, 1, 1),
        (3, 2, 4, 5),
        (8, 10, 3, 9),
        (16, 4, 5, 2),
        (17, 3, 2, 70),
        (33, 1, 3, 17),
        (2, 19, 2, 3),
    ]:
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
        "tail components, exact t",
        (2, 2, count, 1),
        mu=[[t / 4.0, 1.0] for t in arguments],
        sigma=[[0.0, 1.0]] * count,
        x=[[4.0, 1.0]],
    )

    # The same rows, so long that r leaves the subnormal range although phi(t) does not.
    lifted = [[single(t * 1e10), single(1e10)] for t in arguments]
    yield draw.case(
        "tail rows, lifted by 1e10", (2, 2, 1, count), mu=[[1.0, 0.0]], sigma=[[0.0, 1.0]], x=lifted
    )

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
    yield draw.case(
        "sigma zero, m above, below, at 0", (3, 2, 3, 3), mu=mean, sigma=[zero] * 3, x=[above, below, at]
    )
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
    holes = [
        [0.0 if (i + k) % 3 == 0 else entry for i, entry in enumerate(row)]
        for k, row in enumerate(draw.table(3, 6, -1.0, 1.0))
    ]
    yield draw.case("sigma with zeros", (6, 3, 3, 5), sigma=holes)


def extreme():
    draw = Draw("extreme")
    shape = (5, 3, 3, 6)
    for factor in (1e-30, 1e-20, 1e-10, 1e10, 1e15):
        yield draw.case(f"x scaled by {factor:g}", shape, x=draw.table(6, 5, -2.0, 2.0, factor))
    mixed = [
        [single(entry * (1e-30, 1e15, 1.0)[(b + i) % 3]) for i, entry in enumerate(row)]
        for b, row in enumerate(draw.table(6, 5, -2.0, 2.0))
    ]
    yield draw.case("rows mix 1e-30, 1 and 1e15", shape, x=mixed)
    steps = [
        [single(entry * (1e-30, 1e-30, 1e15, 1.0, 1e-20, 1e8)[b]) for entry in row]
        for b, row in enumerate(draw.table(6, 5, -2.0, 2.0))
    ]
    yield draw.case("batch mixes 1e-30 to 1e15", shape, x=steps)

    small = draw.table(3, 5, 0.1, 1.5, 1e-25)
    yield draw.case("sigma 1e-25", shape, sigma=small)
    yield draw.case("sigma 1e-25, mu zero", shape, mu=[[0.0] * 5] * 3, sigma=small)
    yield draw.case("sigma 1e-25, mu 1e-25", shape, mu=draw.table(3, 5, -1.0, 1.0, 1e-25), sigma=small)
    yield draw.case(
        "sigma 1e-25, m cancels to 0",
        (2, 2, 2, 3),
        mu=[[1.0, -1.0], [3.0, -3.0]],
        sigma=draw.table(2, 2, 0.1, 1.5, 1e-25),
        x=[[2.0, 2.0], [-1.0, -1.0], [1.0, 1.0]],
    )
    yield draw.case(
        "sigma 1e-25, m 0, supports apart",
        (2, 2, 2, 3),
        mu=[[1.0, 0.0], [-2.0, 0.0]],
        sigma=draw.table(2, 2, 0.1, 1.5, 1e-25),
        x=[[0.0, 2.0], [0.0, -1.0], [0.0, 0.5]],
    )
    yield draw.case(
        "s subnormal in f32",
        shape,
        mu=draw.table(3, 5, -1.0, 1.0, 1e-25),
        sigma=small,
        x=draw.table(6, 5, -2.0, 2.0, 1e-18),
    )
    for factor in (1e6, 1e12):
        sigma = draw.table(3, 5, 0.1, 1.5)
        sigma[1][2] = single(factor * 1.1)
        yield draw.case(f"one sigma {factor:g}", shape, sigma=sigma)
    yield draw.case(
        "sigma 1e12, x 1e10",
        shape,
        sigma=draw.table(3, 5, 0.1, 1.5, 1e12),
        x=draw.table(6, 5, -2.0, 2.0, 1e10),
    )

    draw = Draw("extreme double", f32=False)
    for factor in (1e-200, 1e150):
        yield draw.case(f"double, x scaled by {factor:g}", shape, x=draw.table(6, 5, -2.0, 2.0, factor))
    mixed = [
        [entry * (1e-200, 1e150, 1.0)[(b + i) % 3] for i, entry in enumerate(row)]
        for b, row in enumerate(draw.table(6, 5, -2.0, 2.0))
    ]
    yield draw.case("double, rows mix 1e-200, 1, 1e150", shape, x=mixed)
    small = draw.table(3, 5, 0.1, 1.5, 1e-180)
    yield draw.case("double, sigma 1e-180", shape, sigma=small)
    yield draw.case("double, sigma 1e-180, mu zero", shape, mu=[[0.0] * 5] * 3, sigma=small)
    yield draw.case("double, sigma and mu 1e-180", shape, mu=draw.table(3, 5, -1.0, 1.0, 1e-180), sigma=small)
    yield draw.case(
        "double, s subnormal",
        shape,
        mu=draw.table(3, 5, -1.0, 1.0, 1e-180),
        sigma=small,
        x=draw.table(6, 5, -2.0, 2.0, 1e-138),
    )
    yield draw.case(
        "double, sigma 1e100, x 1e60",
        shape,
        sigma=draw.table(3, 5, 0.1, 1.5, 1e100),
        x=draw.table(6, 5, -2.0, 2.0, 1e60),
    )
    steps = [
        [entry * (1e-200, 1.0, 1e150, 1e-100, 1.0, 1e100)[b] for entry in row]
        for b, row in enumerate(draw.table(6, 5, -2.0, 2.0))
    ]
    yield draw.case("double, batch mixes 1e-200 to 1e150", shape, x=steps)


def wide():
    shape = (784, 2, 2, 2)
    draw = Draw("wide, digits")
    digits = [
        [
            single(int(255 * draw.random.random()) / 255) if draw.random.random() < 0.2 else 0.0
            for _ in range(784)
        ]
        for _ in range(2)
    ]
    yield draw.case(
        "wide, digits", shape, mu=draw.table(2, 784, -0.1, 0.1), sigma=draw.table(2, 784, 0.05, 0.3), x=digits
    )
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


def rows():
    """Single rows, which tests/layers/large_batches.rs repeats."""
    draw = Draw("rows")
    numbers = {
        "mu": [[single(1.1764057874679565)]],
        "sigma": [[single(0.12612482905387878)]],
        "u": [[[single(0.15274730324745178)]]],
        "v": [[single(1.5055981874465942)]],
        "x": [[single(0.544767439365387)]],
        "g": [[single(0.8474079966545105)]],
    }
    yield draw.case("row 1x1x1", (1, 1, 1, 1), **numbers)
    shape = (3, 2, 2, 1)
    yield draw.case("row 3x2x2", shape)
    for factor in (1e-25, 1e30):
        yield draw.case(f"row 1x1x1 of {factor:g}", (1, 1, 1, 1), x=draw.table(1, 1, 0.5, 2.0, factor))
        yield draw.case(f"row 3x2x2 of {factor:g}", shape, x=draw.table(1, 3, -2.0, 2.0, factor))
    # The large entries of mu and sigma meet the small one of x: m and s are as small.
    tiny = single(1e-30)
    mu, sigma = [[0.75, tiny, 0.25], [-0.5, -tiny, 1.0]], [[1.0, tiny, 0.5], [-tiny, 2.0 * tiny, 1.5]]
    apart = {"mu": [mu[0][:2]], "sigma": [sigma[0][:2]], "x": [[tiny, 1.0]]}
    yield draw.case("row 2x1x1, supports apart", (2, 1, 1, 1), **apart)
    yield draw.case("row 3x2x2, supports apart", shape, mu=mu, sigma=sigma, x=[[tiny, 1.0, 0.0]])

    draw = Draw("double rows", f32=False)
    yield draw.case("double, row 3x2x2", shape)
    for factor in (1e-200, 1e150):
        yield draw.case(f"double, row 3x2x2 of {factor:g}", shape, x=draw.table(1, 3, -2.0, 2.0, factor))
    tiny = 1e-250
    mu, sigma = [[0.75, tiny, 0.25], [-0.5, -tiny, 1.0]], [[1.0, tiny, 0.5], [-tiny, 2.0 * tiny, 1.5]]
    yield draw.case("double, row 3x2x2, supports apart", shape, mu=mu, sigma=sigma, x=[[tiny, 1.0, 0.0]])


FILES = {
    "ordinary": ordinary,
    "tails": tails,
    "degenerate": degenerate,
    "extreme": extreme,
    "wide": wide,
    "rows": rows,
}
