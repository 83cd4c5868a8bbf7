"""Writes the benchmark's table: 160,000 rows, 9 features, 6 overlapping classes of which the first
is two thirds, as CSV with the label last. The same bytes every time.

Usage: python make_table.py OUT.csv [ROWS]
"""
import sys

import numpy as np

ROWS, FEATURES = 160_000, 9
SHARES = [0.68, 0.0625, 0.0625, 0.07, 0.0625, 0.0625]
SPREAD = 1.0  # of the class means; rows scatter by 1 around them


def make(rows):
    rng = np.random.RandomState(20)
    y = rng.choice(len(SHARES), rows, p=SHARES)
    means = rng.normal(0, SPREAD, (len(SHARES), FEATURES))
    return (means[y] + rng.normal(0, 1, (rows, FEATURES))).astype(np.float32), y


def main():
    x, y = make(int(sys.argv[2]) if len(sys.argv) > 2 else ROWS)
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write(",".join(f"f{i}" for i in range(FEATURES)) + ",y\n")
        for row, label in zip(x, y):
            out.write(",".join("%.9g" % value for value in row) + f",{label}\n")


if __name__ == "__main__":
    main()
