"""Quality on every table of ../shared/data/suite beside scikit-learn's: mean and standard deviation
over five seeds (kdd99: scikit-learn once).

Usage: python suite.py BUILD_DIR [TABLE...]

Prints one Markdown table; exits 1 when our mean is worse by more than two standard deviations."""
import sys

import forests
import numpy as np
import tables

SEEDS = 5


def main():
    build, *names = sys.argv[1:]
    good = True
    print("| table | macro-F1 ours | scikit-learn | log-loss ours | scikit-learn |")
    print("|---|---|---|---|---|")
    for name in names or tables.SUITE:
        data = tables.load(name)
        found = []
        for kind in (forests.Ours, forests.ScikitLearn):
            seeds = 1 if name == "kdd99" and kind is forests.ScikitLearn else SEEDS
            f = kind(build, data)
            found.append(np.array([forests.scores(data[3], f.run(100, seed)[2])
                                   for seed in range(seeds)]))
        cells = []
        for k, sign in ((0, 1), (1, -1)):
            ours, other = found[0][:, k], found[1][:, k]
            sd = max(ours.std(ddof=1), other.std(ddof=1) if len(other) > 1 else 0)
            good &= sign * (ours.mean() - other.mean()) > -2 * sd
            for values in (ours, other):
                spread = f" ± {values.std(ddof=1):.4f}" if len(values) > 1 else ""
                cells.append(f"{values.mean():.4f}{spread}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    raise SystemExit(0 if good else "worse than scikit-learn somewhere")


main()
