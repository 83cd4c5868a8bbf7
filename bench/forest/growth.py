"""How training time grows with rows, features and trees: one thing changes at a time.

Usage: python growth.py BUILD_DIR [ROWS_LIMIT]     default limit 1000000

Processor time of training, and what it is per row (feature, tree) against the smallest case: 1.0
would be exactly linear. Trees get deeper with the rows: their depth grows with log(rows), and so
does the cost of a row. Prints Markdown tables."""
import math
import sys

import forests
import tables


def measure(build, rows, features, trees):
    x, y = tables.overlapping(rows, features=features)
    ours = forests.Ours(build, (x, y, x[:1], y[:1]))
    ours.labels = "0,1,2,3,4,5"
    return min(ours.train(trees, seed)[1] for seed in range(2))


def show(title, unit, cases, seconds, expected):
    print(f"\n{title}\n\n| {unit} | processor (s) | per {unit[:-1]}, relative | by theory |")
    print("|---|---|---|---|")
    first = seconds[0] / cases[0]
    for case, time in zip(cases, seconds):
        print(f"| {case:,} | {time:.3f} | {time / case / first:.2f} | "
              f"{expected(case) / expected(cases[0]) * cases[0] / case:.2f} |", flush=True)


def main():
    build, *rest = sys.argv[1:]
    limit = int(rest[0]) if rest else 1_000_000
    rows = [n for n in (1_000, 10_000, 100_000, 1_000_000, 10_000_000) if n <= limit]
    show("Rows (9 features, 10 trees):", "rows", rows, [measure(build, n, 9, 10) for n in rows],
         lambda n: n * math.log(n))
    features = [10, 30, 100, 300, 1000]
    show("Features (10,000 rows, 10 trees; a split tries the square root of them):", "features",
         features, [measure(build, 10_000, n, 10) for n in features], math.sqrt)
    trees = [10, 30, 100, 300, 1000]
    show("Trees (10,000 rows, 9 features):", "trees", trees,
         [measure(build, 10_000, 9, n) for n in trees], lambda n: n)


main()
