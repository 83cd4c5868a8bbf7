"""What log-log plots as SVG are drawn of: lines, words, and a frame with its decades."""
import math

WIDTH, TOP, GAP = 230, 34, 64


def decades(values):
    """The powers of ten around the values, at least one apart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def label(power):
    small = {-3: "0.001", -2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "100", 3: "1,000"}
    return small.get(power, "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")))


def line(kind, *ends):
    return '<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>' % (kind, *ends)


def text(x, y, anchor, words):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def curve(kind, points):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{path}"/>'


def dots(kind, points, radius):
    return [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in points]


def frame(left, height, xs, ys, below, above):
    """The parts of an empty panel around these values, and the function that places a point in it."""
    right, bottom = left + WIDTH, TOP + height
    (x0, x1), (y0, y1) = decades(xs), decades(ys)

    def place(x, y):
        return (left + WIDTH * (math.log10(x) - x0) / (x1 - x0),
                bottom - height * (math.log10(y) - y0) / (y1 - y0))

    parts = []
    for power in range(x0, x1 + 1):
        x = place(10.0**power, 10.0**y0)[0]
        parts += [line("grid", x, TOP, x, bottom), text(x, bottom + 17, "middle", label(power))]
    for power in range(y0, y1 + 1):
        y = place(10.0**x0, 10.0**power)[1]
        parts += [line("grid", left, y, right, y), text(left - 6, y + 4, "end", label(power))]
    parts += [line("axis", left, bottom, right, bottom), line("axis", left, TOP, left, bottom),
              text((left + right) / 2, bottom + 36, "middle", below),
              text(left - 30, TOP - 14, "start", above)]
    return parts, place


def picture(width, height, title, style, parts):
    """The text of an SVG file."""
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                      f'viewBox="0 0 {width} {height}" role="img">',
                      f"<title>{title}</title>", f"<style>{style}</style>",
                      f'<rect class="paper" width="{width}" height="{height}" rx="6"/>',
                      *parts, "</svg>", ""])
