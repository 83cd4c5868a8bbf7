"""Quality on every table of ../shared/data/suite beside scikit-learn's: mean and standard deviation
over five seeds.

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
            f = kind(build, data)
            found.append(np.array([forests.scores(data[3], f.run(100, seed)[2])
                                   for seed in range(SEEDS)]))
        cells = []
        for k, sign in ((0, 1), (1, -1)):
            ours, other = found[0][:, k], found[1][:, k]
            sd = max(ours.std(ddof=1), other.std(ddof=1))
            good &= sign * (ours.mean() - other.mean()) > -2 * sd
            cells += [f"{values.mean():.4f} ± {values.std(ddof=1):.4f}" for values in (ours, other)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    raise SystemExit(0 if good else "worse than scikit-learn somewhere")


main()
