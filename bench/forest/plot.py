"""Log-log plots as SVG: panels side by side, readable on light and on dark pages."""
import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from svg import GAP, TOP, WIDTH, curve, dots, frame, line, picture, text  # noqa: E402

HEIGHT, LEFT = 200, 56

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


def draw_panel(panel, left):
    parts, place = frame(left, HEIGHT, panel.cases, panel.seconds + panel.theory, panel.unit,
                         "processor seconds")
    for kind, values in (("theory", panel.theory), ("measured", panel.seconds)):
        points = [place(*pair) for pair in zip(panel.cases, values)]
        parts.append(curve(kind, points))
    return parts + dots("dot", points, 3.5)


def draw(panels):
    """The text of an SVG file: measured seconds (points), theory (dashed)."""
    width, height = LEFT + len(panels) * (WIDTH + GAP), TOP + HEIGHT + 66
    parts = []
    for i, panel in enumerate(panels):
        parts += draw_panel(panel, LEFT + i * (WIDTH + GAP))
    y = height - 14
    parts += [line("measured", LEFT, y - 4, LEFT + 30, y - 4), text(LEFT + 36, y, "start", "measured"),
              line("theory", LEFT + 120, y - 4, LEFT + 150, y - 4),
              text(LEFT + 156, y, "start", "by theory, from the first point on")]
    return picture(width, height, "Processor seconds of training over rows, features and trees", STYLE, parts)
