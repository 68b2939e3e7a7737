"""Draws the two pictures of the README: docs/layer.svg and docs/results.svg.

The numbers of the second are those of the README's table of tied layers; see there for the command.
"""
import math
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
FONT = "font-family='system-ui, sans-serif'"
INK, SOFT, BLUE, ORANGE, GREY = "#1f2328", "#656d76", "#0969da", "#d1632a", "#8c959f"


def text(x, y, content, size=14, colour=INK, anchor="middle", weight="normal"):
    return (f"<text x='{x:g}' y='{y:g}' font-size='{size}' fill='{colour}' text-anchor='{anchor}' "
            f"font-weight='{weight}'>{content}</text>")


def arrow(x1, y1, x2, y2):
    return f"<line x1='{x1}' y1='{y1}' x2='{x2}' y2='{y2}' stroke='{SOFT}' stroke-width='1.5' marker-end='url(#tip)'/>"


def page(width, height, title, parts):
    head = (f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' "
            f"role='img' {FONT}><title>{title}</title>"
            f"<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
            f"<path d='M0 0 L8 4 L0 8 Z' fill='{SOFT}'/></marker></defs>"
            f"<rect width='{width}' height='{height}' rx='8' fill='#ffffff'/>")
    return head + "\n" + "\n".join(parts) + "\n</svg>\n"


def bell(left, base, width, height, mean, deviation):
    """The density of z over [-3, 3], the part above 0 filled."""
    def at(z):
        return (left + width * (z + 3) / 6,
                base - height * math.exp(-0.5 * ((z - mean) / deviation) ** 2) / max(deviation, 0.75))

    def path(first, last):
        steps = 60
        points = [at(first + (last - first) * i / steps) for i in range(steps + 1)]
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    zero = left + width / 2
    return [f"<polygon points='{zero:.1f},{base} {path(0, 3)} {left + width},{base}' fill='{BLUE}' fill-opacity='0.25'/>",
            f"<polyline points='{path(-3, 3)}' fill='none' stroke='{BLUE}' stroke-width='2'/>",
            f"<line x1='{left}' y1='{base}' x2='{left + width}' y2='{base}' stroke='{GREY}'/>",
            f"<polyline points='{left},{base} {zero},{base} {left + width},{base - height:g}' fill='none' stroke='{ORANGE}' "
            f"stroke-width='1.5' stroke-dasharray='5 3'/>",
            f"<line x1='{zero}' y1='{base}' x2='{zero}' y2='{base + 4}' stroke='{GREY}'/>",
            text(zero, base + 16, "0", 11, SOFT)]


def layer():
    parts = [f"<rect x='24' y='70' width='34' height='150' rx='4' fill='#f6f8fa' stroke='{GREY}'/>"]
    for i in range(6):
        shade = [0.15, 0.7, 0.35, 0.95, 0.5, 0.1][i]
        parts.append(f"<rect x='30' y='{77 + 23 * i}' width='22' height='19' rx='2' fill='{INK}' fill-opacity='{shade}'/>")
    parts.append(text(41, 240, "input x"))
    rows = [("1", -0.7, 0.8), ("2", 0.9, 0.55), ("K", 0.1, 1.25)]
    for place, (name, mean, deviation) in enumerate(rows):
        top = [16, 108, 208][place]
        parts.append(f"<rect x='140' y='{top}' width='330' height='76' rx='6' fill='#f6f8fa' stroke='{GREY}'/>")
        parts.append(text(150, top + 22, f"component {name}", 13, INK, "start", "bold"))
        parts.append(text(150, top + 42, "(ω, β) ~ a Gaussian", 13, SOFT, "start"))
        parts.append(text(150, top + 61, "so z = ⟨β, x⟩ ~ N(m, s²)", 13, SOFT, "start"))
        parts += bell(318, top + 54, 140, 38, mean, deviation)
        parts.append(arrow(66, 145, 134, top + 38))
        parts.append(arrow(474, top + 38, 560, 145))
    parts.append(text(305, 200, "⋮", 18, SOFT))
    parts.append(f"<rect x='566' y='112' width='74' height='66' rx='6' fill='#ffffff' stroke='{INK}'/>")
    parts.append(text(603, 141, "mean", 14, INK, "middle", "bold"))
    parts.append(text(603, 162, "over K", 13, SOFT))
    parts.append(arrow(644, 145, 690, 145))
    parts.append(text(726, 150, "h(x)", 18, INK, "middle", "bold"))
    parts.append(text(519, 40, "E[ω ReLU(z)],", 13, BLUE, "start"))
    parts.append(text(519, 58, "in closed form", 13, BLUE, "start"))
    parts.append(text(519, 262, "blue: density of z, filled where", 11, SOFT, "start"))
    parts.append(text(519, 277, "z &gt; 0; dashed: ReLU(z)", 11, SOFT, "start"))
    return page(770, 300, "A Gaussian mixture layer: each component turns x into a Gaussian number z and "
                          "gives the exact mean of its rectified output; the layer is the mean over components", parts)


RESULTS = [
    ("MNIST", (1.4, 1.9), 0.1, [("tied, K = 70, R = 16", 1.51, 0.03), ("joint, K = 20, R = 4", 1.77, 0.03),
                                ("dense 100, ReLU", 1.81, 0.03)]),
    ("Fashion-MNIST", (9.7, 11.3), 0.4, [("tied, K = 70, R = 16", 9.93, 0.06), ("joint, K = 20, R = 4", 10.77, 0.04),
                                         ("dense 100, ReLU", 11.03, 0.09)]),
]


def results():
    parts = [text(385, 26, "Test error in percent, about 79,400 parameters: mean ± standard error of 3 seeds", 14, INK,
                  "middle", "bold")]
    for place, (name, (low, high), step, rows) in enumerate(RESULTS):
        left, width = (170, 230) if place == 0 else (500, 230)

        def across(value):
            return left + width * (value - low) / (high - low)
        parts.append(text(left + width / 2, 54, name, 14, SOFT))
        for tick in range(int(round((high - low) / step)) + 1):
            value = low + tick * step
            x = across(value)
            parts.append(f"<line x1='{x:.1f}' y1='66' x2='{x:.1f}' y2='172' stroke='#d8dee4'/>")
            parts.append(text(x, 190, f"{value:.1f}", 11, SOFT))
        for row, (label, mean, error) in enumerate(rows):
            y = 86 + 34 * row
            colour = GREY if label.startswith("dense") else BLUE
            if place == 0:
                parts.append(text(left - 14, y + 5, label, 13, INK, "end"))
            parts.append(f"<line x1='{across(mean - error):.1f}' y1='{y}' x2='{across(mean + error):.1f}' y2='{y}' "
                         f"stroke='{colour}' stroke-width='3'/>")
            parts.append(f"<circle cx='{across(mean):.1f}' cy='{y}' r='5.5' fill='{colour}'/>")
            parts.append(text(across(mean), y - 10, f"{mean:.2f}", 11, colour))
    return page(770, 204, "Test error of tied, joint and dense networks with 79,400 parameters", parts)


def main():
    (DOCS / "layer.svg").write_text(layer())
    (DOCS / "results.svg").write_text(results())


if __name__ == "__main__":
    main()
