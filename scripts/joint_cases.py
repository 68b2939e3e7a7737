"""The cases of the joint tables: ordinary shapes and ranks, both tails, s = 0, extreme scales, many inputs,
single rows."""

from diagonal_cases import Draw, single
from joint_exact import Case


class JointDraw(Draw):
    """Reproducible random inputs. A case's name is its seed."""

    def factors(self, components, rows, rank, low=-1.0, high=1.0, factor=1.0):
        return [self.table(rows, rank, low, high, factor) for _ in range(components)]

    def case(self, name, shape, mu_w=None, mu_b=None, c_w=None, c_b=None, x=None, g=None, tied=False):
        """A case of a shape (d, L, K, R, B); what is not given is drawn."""
        d, outputs, components, rank, batch = shape
        return Case(
            name,
            self.f32,
            mu_w or self.table(components, outputs),
            mu_b or self.table(components, d),
            c_w or self.factors(components, outputs, rank),
            c_b or self.factors(1 if tied else components, d, rank),
            x or self.table(batch, d, -2.0, 2.0),
            g or self.table(batch, outputs),
        )


def ordinary():
    for shape in [
        (1, 1, 1, 1, 1),
        (1, 1, 1, 2, 3),
        (3, 2, 4, 5, 5),
        (8, 10, 3, 4, 9),
        (16, 4, 5, 1, 2),
        (17, 3, 2, 2, 70),
        (9, 2, 2, 11, 17),
        (2, 19, 2, 16, 3),
        (5, 3, 1, 8, 8),
    ]:
        name = "ordinary " + "x".join(map(str, shape))
        yield JointDraw(name).case(name, shape)
    for shape in [(1, 1, 1, 1, 1), (7, 3, 3, 4, 11), (20, 5, 2, 17, 4)]:
        name = "double " + "x".join(map(str, shape))
        yield JointDraw(name, f32=False).case(name, shape)
    for shape in [(1, 1, 2, 1, 3), (8, 10, 5, 4, 9), (17, 3, 3, 2, 70), (9, 2, 4, 11, 17), (3, 2, 20, 5, 2)]:
        name = "tied " + "x".join(map(str, shape))
        yield JointDraw(name).case(name, shape, tied=True)
    name = "tied, double"
    yield JointDraw(name, f32=False).case(name, (7, 3, 4, 3, 11), tied=True)


def tails():
    sizes = [0.0009765625, 0.5, 1.0, 2.5, 5.0, 8.0, 10.0, 12.0, 12.5, 12.75, 13.0, 13.25, 13.5, 14.0]
    sizes += [14.5, 18.0, 25.0, 35.0, 37.0, 37.5, 38.0, 38.5, 39.0]
    arguments = [0.0] + sizes + [-t for t in sizes]
    count = len(arguments)
    draw = JointDraw("joint tails")

    # t is exact: the mean and the deviation come from different inputs, and |q| = 5/5 of a row (3, 4)/5.
    spread = [[[0.0, 0.0], [0.75, 1.0]]]
    for name, factor in [("tail rows, exact t", 1.0), ("tail rows, lifted by 2^33", 2.0**33)]:
        rows = [[single(1.25 * t * factor), factor] for t in arguments]
        yield draw.case(name, (2, 2, 1, 2, count), mu_b=[[1.0, 0.0]], c_b=spread, x=rows)
    yield draw.case(
        "tail components, exact t",
        (2, 2, count, 2, 1),
        mu_b=[[1.25 * t / 4.0, 1.0] for t in arguments],
        c_b=spread * count,
        x=[[4.0, 1.0]],
    )

    # General inputs that point along the mean; the first input carries the mean that is missing, and no deviation.
    for name, low, high in [("tail rows, general", -40.0, 40.0), ("tail rows, subnormal phi", -14.0, -12.0)]:
        mu_b, c_b = draw.table(1, 4, 0.5, 1.5), draw.factors(1, 4, 3, 0.1, 1.0)
        rows = []
        for _ in range(24):
            x = draw.table(1, 4, 0.5, 1.5)[0]
            wanted = draw.number(low, high)
            q = [sum(row[r] * z for row, z in zip(c_b[0], x)) for r in range(3)]
            norm = sum(value * value for value in q) ** 0.5
            mean = sum(a * z for a, z in zip(mu_b[0], x))
            rows.append([single((wanted * norm - mean) / 8.0)] + x)
        yield draw.case(name, (5, 3, 1, 3, 24), mu_b=[[8.0] + mu_b[0]], c_b=[[[0.0] * 3] + c_b[0]], x=rows)
    mu_b = [[single(entry * 12.0) for entry in row] for row in draw.table(6, 3)]
    yield draw.case("tails, mixed", (3, 2, 6, 2, 8), mu_b=mu_b)
    yield JointDraw("tails, tied").case("tails, tied", (3, 2, 6, 2, 8), mu_b=mu_b, tied=True)


def degenerate():
    draw = JointDraw("joint degenerate")
    above, below, at = [1.0, 2.0, 0.5], [-1.0, -2.0, 0.25], [2.0, -1.0, 0.0]
    mean = [[1.0, 2.0, -1.0], [0.5, 1.0, 3.0], [1.0, 2.0, 8.0]]
    nothing = [[0.0, 0.0], [0.0, -0.0], [0.0, 0.0]]
    shape = (3, 2, 3, 2, 3)
    yield draw.case("c_b zero, m above, below, at 0", shape, mu_b=mean, c_b=[nothing] * 3, x=[above, below, at])
    for name, row in [("above", above), ("below", below), ("at", at)]:
        yield draw.case(f"c_b zero, m {name} 0", (3, 2, 1, 2, 1), mu_b=mean[:1], c_b=[nothing], x=[row])

    # Supports that do not meet: C_b lives on the last two of five inputs, x on the first three.
    apart = [row + [0.0, -0.0] for row in (above, below, at)]
    wide = [row + [1.5, -0.75] for row in mean]
    spread = [[[0.0, 0.0]] * 3 + [[0.5, -1.0], [2.0, 0.25]]] * 3
    yield draw.case("disjoint supports", (5, 2, 3, 2, 3), mu_b=wide, c_b=spread, x=apart)
    # q cancels exactly.
    yield draw.case(
        "q cancels",
        (3, 2, 2, 2, 3),
        mu_b=[[1.0, 2.0, 0.5], [1.0, -1.0, 0.0]],
        c_b=[[[1.0, 0.5], [-1.0, -0.5], [0.0, 0.0]]] * 2,
        x=[[2.0, 2.0, 1.0], [-1.0, -1.0, 4.0], [1.0, 1.0, -8.0]],
    )
    yield draw.case("x zero", (4, 3, 2, 3, 2), x=[[0.0] * 4, [-0.0] * 4])
    yield draw.case("x zero and c_b zero", (2, 1, 1, 1, 1), c_b=[[[0.0], [0.0]]], x=[[0.0, 0.0]])

    rows = draw.table(9, 3, -2.0, 2.0)
    rows[1], rows[4], rows[7], rows[8] = [0.0] * 3, above, at, [0.0, 1.5, 0.0]
    some = draw.factors(4, 3, 2)
    some[0], some[2] = nothing, [[0.75, 0.0], [0.0, 0.0], [0.0, 0.0]]
    yield draw.case("mixed rows", (3, 2, 4, 2, 9), mu_b=mean + draw.table(1, 3), c_b=some, x=rows)
    long = draw.table(70, 3, -2.0, 2.0)
    for b in range(0, 70, 7):
        long[b] = [0.0] * 3
    yield draw.case("mixed rows, long batch", (3, 2, 2, 2, 70), c_b=[some[1], some[2]], x=long)
    holes = [[[entry, 0.0, entry] for (entry,) in rows] for rows in draw.factors(3, 6, 1)]
    yield draw.case("a column of zeros, two alike", (6, 3, 3, 3, 9), c_b=holes)
    yield draw.case("c_w zero", (4, 2, 2, 2, 9), c_w=[[[0.0, 0.0]] * 2] * 2)
    yield draw.case("mu_w zero", (4, 2, 2, 2, 9), mu_w=[[0.0] * 2] * 2)

    draw = JointDraw("joint degenerate, tied")
    yield draw.case("tied, c_b zero, m above, below, at 0", shape, mu_b=mean, c_b=[nothing], x=[above, below, at])
    yield draw.case("tied, mixed rows", (3, 2, 4, 2, 9), mu_b=mean + draw.table(1, 3), x=rows, tied=True)
    yield draw.case("tied, disjoint supports", (5, 2, 3, 2, 3), mu_b=wide, c_b=spread[:1], x=apart)


def extreme():
    draw = JointDraw("joint extreme")
    shape = (5, 3, 3, 2, 9)
    for factor in (1e-30, 1e-20, 1e-10, 1e10, 1e15):
        yield draw.case(f"x scaled by {factor:g}", shape, x=draw.table(9, 5, -2.0, 2.0, factor))
    mixed = [
        [single(entry * (1e-30, 1e15, 1.0)[(b + i) % 3]) for i, entry in enumerate(row)]
        for b, row in enumerate(draw.table(9, 5, -2.0, 2.0))
    ]
    yield draw.case("rows mix 1e-30, 1 and 1e15", shape, x=mixed)
    steps = [
        [single(entry * (1e-30, 1e-30, 1e15, 1.0, 1e-20, 1e8)[b % 6]) for entry in row]
        for b, row in enumerate(draw.table(9, 5, -2.0, 2.0))
    ]
    yield draw.case("batch mixes 1e-30 to 1e15", shape, x=steps)

    small = draw.factors(3, 5, 2, factor=1e-25)
    yield draw.case("c_b 1e-25", shape, c_b=small)
    yield draw.case("c_b 1e-25, mu_b zero", shape, mu_b=[[0.0] * 5] * 3, c_b=small)
    yield draw.case("c_b 1e-25, mu_b 1e-25", shape, mu_b=draw.table(3, 5, -1.0, 1.0, 1e-25), c_b=small)
    yield draw.case(
        "c_b 1e-25, m cancels to 0",
        (2, 2, 2, 2, 3),
        mu_b=[[1.0, -1.0], [3.0, -3.0]],
        c_b=draw.factors(2, 2, 2, factor=1e-25),
        x=[[2.0, 2.0], [-1.0, -1.0], [1.0, 1.0]],
    )
    yield draw.case(
        "s subnormal in f32",
        shape,
        mu_b=draw.table(3, 5, -1.0, 1.0, 1e-25),
        c_b=small,
        x=draw.table(9, 5, -2.0, 2.0, 1e-18),
    )
    columns = [
        [[single(entry * (1.0, 1e-12)[r]) for r, entry in enumerate(row)] for row in rows]
        for rows in draw.factors(3, 5, 2)
    ]
    yield draw.case("a column 1e-12", shape, c_b=columns)
    for factor in (1e6, 1e12):
        c_b = draw.factors(3, 5, 2)
        c_b[1][2][1] = single(factor * 1.1)
        yield draw.case(f"one c_b {factor:g}", shape, c_b=c_b)
    yield draw.case(
        "c_b 1e12, x 1e10",
        shape,
        c_b=draw.factors(3, 5, 2, factor=1e12),
        x=draw.table(9, 5, -2.0, 2.0, 1e10),
    )

    draw = JointDraw("joint extreme, tied")
    for factor in (1e-30, 1e15):
        yield draw.case(f"tied, x scaled by {factor:g}", shape, x=draw.table(9, 5, -2.0, 2.0, factor), tied=True)
    yield draw.case("tied, c_b 1e-25", shape, c_b=draw.factors(1, 5, 2, factor=1e-25))
    yield draw.case("tied, c_b 1e12", shape, c_b=draw.factors(1, 5, 2, factor=1e12))
    some = draw.table(2, 5) + draw.table(1, 5, -1.0, 1.0, 1e12)
    yield draw.case("tied, one mu_b 1e12", shape, mu_b=some, tied=True)
    some = draw.table(2, 3) + draw.table(1, 3, -1.0, 1.0, 1e-25)
    yield draw.case("tied, one mu_w 1e-25", shape, mu_w=some, tied=True)

    draw = JointDraw("joint extreme double", f32=False)
    for factor in (1e-200, 1e150):
        yield draw.case(f"double, x scaled by {factor:g}", shape, x=draw.table(9, 5, -2.0, 2.0, factor))
    mixed = [
        [entry * (1e-200, 1e150, 1.0)[(b + i) % 3] for i, entry in enumerate(row)]
        for b, row in enumerate(draw.table(9, 5, -2.0, 2.0))
    ]
    yield draw.case("double, rows mix 1e-200, 1, 1e150", shape, x=mixed)
    small = draw.factors(3, 5, 2, factor=1e-180)
    yield draw.case("double, c_b 1e-180", shape, c_b=small)
    yield draw.case("double, c_b 1e-180, mu_b zero", shape, mu_b=[[0.0] * 5] * 3, c_b=small)
    yield draw.case(
        "double, s subnormal",
        shape,
        mu_b=draw.table(3, 5, -1.0, 1.0, 1e-180),
        c_b=small,
        x=draw.table(9, 5, -2.0, 2.0, 1e-138),
    )
    yield draw.case(
        "double, c_b 1e100, x 1e60",
        shape,
        c_b=draw.factors(3, 5, 2, factor=1e100),
        x=draw.table(9, 5, -2.0, 2.0, 1e60),
    )


def wide():
    shape = (784, 2, 1, 2, 2)
    draw = JointDraw("joint wide, digits")
    digits = [
        [
            single(int(255 * draw.random.random()) / 255) if draw.random.random() < 0.2 else 0.0
            for _ in range(784)
        ]
        for _ in range(2)
    ]
    yield draw.case(
        "wide, digits", shape, mu_b=draw.table(1, 784, -0.1, 0.1), c_b=draw.factors(1, 784, 2, -0.3, 0.3), x=digits
    )
    draw = JointDraw("joint wide, all positive")
    positive = {
        "mu_w": draw.table(1, 2, 0.1, 1.0),
        "mu_b": draw.table(1, 784, 0.001, 0.002),
        "c_w": draw.factors(1, 2, 2, 0.1, 1.0),
        "c_b": draw.factors(1, 784, 2, 0.001, 0.002),
        "x": draw.table(2, 784, 0.5, 1.0),
        "g": draw.table(2, 2, 0.1, 1.0),
    }
    yield draw.case("wide, all positive", shape, **positive)
    name = "wide, rank 90"
    yield JointDraw(name).case(name, (80, 10, 1, 90, 1))


def supports_apart(tiny):
    mu_b = [[0.75, tiny, 0.25], [-0.5, -tiny, 1.0]]
    c_b = [[[1.0, 0.5], [tiny, 2.0 * tiny], [0.5, 1.5]], [[0.5, -1.0], [2.0 * tiny, tiny], [1.5, 0.25]]]
    return {"mu_b": mu_b, "c_b": c_b, "x": [[tiny, 1.0, 0.0]]}


def rows():
    """Single rows, which tests/layers/large_batches.rs repeats."""
    draw = JointDraw("joint rows")
    small, shape = (1, 1, 1, 1, 1), (3, 2, 2, 2, 1)
    yield draw.case("row 1x1x1x1", small)
    yield draw.case("row 3x2x2x2", shape)
    for factor in (1e-25, 1e30):
        yield draw.case(f"row 1x1x1x1 of {factor:g}", small, x=draw.table(1, 1, 0.5, 2.0, factor))
        yield draw.case(f"row 3x2x2x2 of {factor:g}", shape, x=draw.table(1, 3, -2.0, 2.0, factor))
    # The large entries of mu_b and C_b meet the small one of x: m and q are as small.
    tiny = single(1e-30)
    apart = {"mu_b": [[0.75, tiny]], "c_b": [[[1.0], [tiny]]], "x": [[tiny, 1.0]]}
    yield draw.case("row 2x1x1x1, supports apart", (2, 1, 1, 1, 1), **apart)
    yield draw.case("row 3x2x2x2, supports apart", shape, **supports_apart(tiny))

    draw = JointDraw("joint double rows", f32=False)
    yield draw.case("double, row 3x2x2x2", shape)
    for factor in (1e-200, 1e150):
        yield draw.case(f"double, row 3x2x2x2 of {factor:g}", shape, x=draw.table(1, 3, -2.0, 2.0, factor))
    yield draw.case("double, row 3x2x2x2, supports apart", shape, **supports_apart(1e-250))
    yield JointDraw("joint rows, tied").case("tied, row 3x2x4x2", (3, 2, 4, 2, 1), tied=True)


FILES = {
    "ordinary": ordinary,
    "tails": tails,
    "degenerate": degenerate,
    "extreme": extreme,
    "wide": wide,
    "rows": rows,
}
