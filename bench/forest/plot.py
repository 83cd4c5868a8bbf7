"""Log-log plots as SVG: panels side by side, readable on light and on dark pages."""
import dataclasses
import math

WIDTH, HEIGHT, LEFT, TOP, GAP = 230, 200, 56, 34, 64

STYLE = """
text { font: 12px sans-serif; fill: #24292f }
.paper { fill: #ffffff } .axis { stroke: #57606a } .grid { stroke: #d0d7de }
.measured { stroke: #0969da; fill: none; stroke-width: 2 } .dot { fill: #0969da }
.theory { stroke: #bc4c00; fill: none; stroke-width: 1.5; stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.paper { fill: #0d1117 } .axis { stroke: #8b949e } .grid { stroke: #30363d }
.measured { stroke: #58a6ff } .dot { fill: #58a6ff } .theory { stroke: #f0883e }
}
"""


@dataclasses.dataclass
class Panel:
    """Seconds over the cases of one unit, and what theory says for the first case's seconds."""
    unit: str
    cases: list
    seconds: list
    theory: list


def decades(values):
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def label(power):
    small = {-3: "0.001", -2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "100", 3: "1,000"}
    return small.get(power, "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")))


def line(kind, *ends):
    return '<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>' % (kind, *ends)


def text(x, y, anchor, words):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def draw_panel(panel, left):
    right, bottom = left + WIDTH, TOP + HEIGHT
    (x0, x1), (y0, y1) = decades(panel.cases), decades(panel.seconds + panel.theory)

    def place(case, seconds):
        return (left + WIDTH * (math.log10(case) - x0) / (x1 - x0),
                bottom - HEIGHT * (math.log10(seconds) - y0) / (y1 - y0))

    parts = []
    for power in range(x0, x1 + 1):
        x = place(10**power, 10**y0)[0]
        parts += [line("grid", x, TOP, x, bottom), text(x, bottom + 17, "middle", label(power))]
    for power in range(y0, y1 + 1):
        y = place(10**x0, 10**power)[1]
        parts += [line("grid", left, y, right, y), text(left - 6, y + 4, "end", label(power))]
    parts += [line("axis", left, bottom, right, bottom), line("axis", left, TOP, left, bottom)]
    for kind, values in (("theory", panel.theory), ("measured", panel.seconds)):
        points = [place(*pair) for pair in zip(panel.cases, values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="{kind}" points="{path}"/>')
    parts += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points]
    parts += [text((left + right) / 2, bottom + 36, "middle", panel.unit),
              text(left - 30, TOP - 14, "start", "processor seconds")]
    return parts


def draw(panels):
    """The text of an SVG file: measured seconds (points), theory (dashed)."""
    width, height = LEFT + len(panels) * (WIDTH + GAP), TOP + HEIGHT + 66
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" role="img">',
             "<title>Processor seconds of training over rows, features and trees</title>",
             f"<style>{STYLE}</style>",
             f'<rect class="paper" width="{width}" height="{height}" rx="6"/>']
    for i, panel in enumerate(panels):
        parts += draw_panel(panel, LEFT + i * (WIDTH + GAP))
    y = height - 14
    parts += [line("measured", LEFT, y - 4, LEFT + 30, y - 4), text(LEFT + 36, y, "start", "measured"),
              line("theory", LEFT + 120, y - 4, LEFT + 150, y - 4),
              text(LEFT + 156, y, "start", "by theory, from the first point on")]
    return "\n".join([*parts, "</svg>", ""])
