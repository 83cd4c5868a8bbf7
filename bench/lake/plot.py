"""Lines over the number of messages as SVG: time, processor time and memory side by side, both axes
logarithmic, readable on light and on dark pages."""
import math

WIDTH, HEIGHT, LEFT, TOP, GAP = 230, 220, 60, 34, 66
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


def decades(values):
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def label(power):
    if -3 <= power <= 4:
        return f"{10.0**power:,.{max(0, -power)}f}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def line(kind, x1, y1, x2, y2):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x, y, anchor, words):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def panel(lines, column, title, left):
    right, bottom = left + WIDTH, TOP + HEIGHT
    x0, x1 = decades([row[0] for rows in lines.values() for row in rows])
    y0, y1 = decades([row[column] for rows in lines.values() for row in rows])

    def place(x, y):
        return (left + WIDTH * (math.log10(x) - x0) / (x1 - x0),
                bottom - HEIGHT * (math.log10(y) - y0) / (y1 - y0))

    parts = []
    for power in range(x0, x1 + 1):
        x = place(10.0**power, 10.0**y0)[0]
        parts += [line("grid", x, TOP, x, bottom), text(x, bottom + 17, "middle", label(power))]
    for power in range(y0, y1 + 1):
        y = place(10.0**x0, 10.0**power)[1]
        parts += [line("grid", left, y, right, y), text(left - 6, y + 4, "end", label(power))]
    parts += [line("axis", left, bottom, right, bottom), line("axis", left, TOP, left, bottom)]
    for i, rows in enumerate(lines.values()):
        points = [place(row[0], row[column]) for row in rows]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="l{i}" points="{path}"/>')
        parts += [f'<circle class="d{i}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
    return parts + [text((left + right) / 2, bottom + 36, "middle", "messages"),
                    text(left - 30, TOP - 14, "start", title)]


def draw(lines, names):
    """The text of an SVG file. lines[key]: rows (messages, seconds, processor seconds, MB)."""
    width, height = LEFT + len(PANELS) * (WIDTH + GAP), TOP + HEIGHT + 50 + 18 * ((len(lines) + 2) // 3)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" role="img">',
             "<title>Bronze to gold: time, processor time and memory over messages</title>",
             f"<style>{style()}</style>",
             f'<rect class="paper" width="{width}" height="{height}" rx="6"/>']
    for i, title in enumerate(PANELS):
        parts += panel(lines, i + 1, title, LEFT + i * (WIDTH + GAP))
    for i, key in enumerate(lines):
        x, y = LEFT + (i % 3) * (WIDTH + GAP), TOP + HEIGHT + 60 + 18 * (i // 3)
        parts += [f'<polyline class="l{i}" points="{x},{y - 4} {x + 30},{y - 4}"/>',
                  text(x + 36, y, "start", names[key])]
    return "\n".join([*parts, "</svg>", ""])
