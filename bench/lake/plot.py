"""Lines over the number of messages as SVG: time, processor time and memory side by side, both axes
logarithmic, readable on light and on dark pages."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from svg import GAP, TOP, WIDTH, curve, dots, frame, picture, text  # noqa: E402

HEIGHT, LEFT = 220, 60
PANELS = ("seconds by the clock", "seconds of the processor", "MB of memory at most")
COLOURS = (("#0969da", "#58a6ff"), ("#bc4c00", "#f0883e"), ("#8250df", "#bc8cff"),
           ("#1a7f37", "#3fb950"), ("#bf3989", "#f778ba"), ("#57606a", "#8b949e"))


def style():
    def rules(theme):
        return " ".join(f".l{i} {{ stroke: {pair[theme]} }} .d{i} {{ fill: {pair[theme]} }}"
                        for i, pair in enumerate(COLOURS))
    return f"""text {{ font: 12px sans-serif; fill: #24292f }}
.paper {{ fill: #ffffff }} .axis {{ stroke: #57606a }} .grid {{ stroke: #d0d7de }}
polyline {{ fill: none; stroke-width: 2 }} {rules(0)}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .paper {{ fill: #0d1117 }}
.axis {{ stroke: #8b949e }} .grid {{ stroke: #30363d }} {rules(1)} }}"""


def panel(lines, column, title, left):
    every = [row for rows in lines.values() for row in rows]
    parts, place = frame(left, HEIGHT, [row[0] for row in every], [row[column] for row in every],
                         "messages", title)
    for i, rows in enumerate(lines.values()):
        points = [place(row[0], row[column]) for row in rows]
        parts += [curve(f"l{i}", points), *dots(f"d{i}", points, 3)]
    return parts


def draw(lines, names):
    """The text of an SVG file. lines[key]: rows (messages, seconds, processor seconds, MB)."""
    parts = []
    for i, title in enumerate(PANELS):
        parts += panel(lines, i + 1, title, LEFT + i * (WIDTH + GAP))
    for i, key in enumerate(lines):
        x, y = LEFT + (i % 3) * (WIDTH + GAP), TOP + HEIGHT + 60 + 18 * (i // 3)
        parts += [curve(f"l{i}", [(x, y - 4), (x + 30, y - 4)]), text(x + 36, y, "start", names[key])]
    return picture(LEFT + len(PANELS) * (WIDTH + GAP), TOP + HEIGHT + 50 + 18 * ((len(lines) + 2) // 3),
                   "Bronze to gold: time, processor time and memory over messages", style(), parts)
