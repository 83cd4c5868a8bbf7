"""The tables that the benchmarks of the forest use: made from seeds, or read from ../shared/data."""
import gzip
import pathlib

import numpy as np

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared"


def overlapping(rows, features=9, classes=6, seed=0, spread=0.9):
    """Gaussian clouds that overlap: class 0 has 70 % of the rows, the others share the rest, and
    each differs from it in three features. Every value is another one, as a sensor's would be."""
    rng = np.random.default_rng(seed)
    shares = np.full(classes, 0.3 / (classes - 1))
    shares[0] = 0.7
    y = rng.choice(classes, size=rows, p=shares)
    centres = np.zeros((classes, features))
    for c in range(1, classes):
        marks = rng.choice(features, size=min(3, features), replace=False)
        centres[c, marks] = rng.choice([-1.0, 1.0], size=len(marks)) * rng.uniform(1.2, 2.2, len(marks))
    x = centres[y] + spread * rng.standard_normal((rows, features))
    return x.astype(np.float32), y.astype(np.int32)


def suite(name, part):
    """x, y of a table of ../shared/data/suite; labels as text."""
    path = SHARED / "data" / "suite" / f"{name}.{part}.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        header = file.readline().strip().split(",")
        cells = [line.rstrip("\n").split(",") for line in file]
    assert header[-1] == "label"
    x = np.array([row[:-1] for row in cells])
    x = np.where(x == "", "nan", x).astype(np.float32)
    return x, np.array([row[-1] for row in cells])


SUITE = ["ai4i", "ai4i_bin", "letter", "satimage", "kdd99", "engine", "FD001", "FD003"]


def load(name):
    """x, y, xt, yt of a table by name; labels are numbered in the order of their texts."""
    if name == "overlapping":
        x, y = overlapping(200_000)
        return x[:160_000], y[:160_000], x[160_000:], y[160_000:]
    (x, y), (xt, yt) = suite(name, "train"), suite(name, "test")
    numbers = {label: i for i, label in enumerate(sorted(set(y) | set(yt)))}
    return (x, np.array([numbers[label] for label in y]),
            xt, np.array([numbers[label] for label in yt]))
