"""How training time grows with rows, features and trees: one thing changes at a time.

Usage: python growth.py BUILD_DIR [ROWS_LIMIT] [PLOT.svg]     default limit 10000000

Processor time of training, and what it is per row (feature, tree) against the smallest case: 1.0
would be exactly linear. Trees get deeper with the rows: their depth grows with log(rows), and so
does the cost of a row; a split tries the square root of the features. Memory is what training took
beyond the table itself, the forest included, in multiples of the binned table (2 bytes a value); it
is told for large tables. Prints Markdown tables; with a file, draws them, too."""
import math
import pathlib
import subprocess
import sys

import plot

THREADS = 2
LARGE_ROWS = 1_000_000  # below, scratch memory of a fixed size and that of the caller hide the rest


def measure(build, rows, features, trees):
    """Processor seconds (the least of two runs; of ten million rows, one) and memory in multiples of
    the binned table."""
    tool = pathlib.Path(build).resolve() / "tests" / "growth_tool"
    found = []
    for seed in range(1 if rows >= 10_000_000 else 2):
        done = subprocess.run([tool, *map(str, (rows, features, trees, seed, THREADS))], check=True,
                              capture_output=True, text=True)
        seconds, _, memory, binned = map(float, done.stdout.split())
        found.append((seconds, memory / binned))
    return min(found)


def show(title, unit, cases, measured, expected):
    """Prints one table; returns what is drawn of it."""
    print(f"\n{title}\n\n| {unit} | processor (s) | per {unit[:-1]}, relative | by theory |")
    print("|---|---|---|---|")
    times = [time for time, _ in measured]
    theory = [expected(case) / expected(cases[0]) for case in cases]
    for case, time, part in zip(cases, times, theory):
        print(f"| {case:,} | {time:.3f} | {time / case / times[0] * cases[0]:.2f} | "
              f"{part / case * cases[0]:.2f} |", flush=True)
    for case, (_, memory) in zip(cases, measured):
        if unit == "rows" and case >= LARGE_ROWS:
            print(f"\nMemory for {case:,} rows: {memory:.1f} times the binned table.")
    return plot.Panel(unit, cases, times, [times[0] * part for part in theory])


def main():
    build, *rest = sys.argv[1:]
    limit = int(rest[0]) if rest else 10_000_000
    rows = [n for n in (1_000, 10_000, 100_000, 1_000_000, 10_000_000) if n <= limit]
    sizes = [10, 30, 100, 300, 1000]
    panels = [
        show("Rows (9 features, 10 trees):", "rows", rows,
             [measure(build, n, 9, 10) for n in rows], lambda n: n * math.log(n)),
        show("Features (10,000 rows, 10 trees; a split tries the square root of them):", "features",
             sizes, [measure(build, 10_000, n, 10) for n in sizes], math.sqrt),
        show("Trees (10,000 rows, 9 features):", "trees", sizes,
             [measure(build, 10_000, 9, n) for n in sizes], lambda n: n)]
    if len(rest) > 1:
        pathlib.Path(rest[1]).write_text(plot.draw(panels), encoding="utf-8")


main()
