"""Is our forest as good as scikit-learn's? Macro-F1 on the golden histories, five stratified folds,
ten seeds, the same folds for both; 100 trees, defaults.

Usage: python quality.py BUILD_DIR [SHARED_DIR]

Prints mean and standard deviation over the seeds; exits 1 if our mean is below scikit-learn's by
more than two of its standard deviations.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

SEEDS, FOLDS, CLASSES = 10, 5, 6
HISTORY = "bronze/run_date=2026-11-23/csv/data_historique_pannes.csv"


def write_csv(path, x, y):
    with open(path, "w") as out:
        out.write(",".join(f"f{i}" for i in range(x.shape[1])) + ",y\n")
        for row, label in zip(x, y):
            out.write(",".join(["%.9g" % value for value in row] + [str(label)]) + "\n")


def ours(build, folder, seed, train, test):
    tool = str(build / "tests" / "forest_tool")
    write_csv(folder / "train.csv", *train)
    write_csv(folder / "test.csv", *test)
    labels = ",".join(map(str, range(CLASSES)))
    subprocess.run([tool, "train", folder / "train.csv", folder / "m.onnx", "100", str(seed), "2",
                    labels], check=True, stderr=subprocess.DEVNULL)
    done = subprocess.run([tool, "predict", folder / "m.onnx", folder / "test.csv", "2"],
                          check=True, capture_output=True, text=True)
    return np.array([[float(cell) for cell in line.split(",")[1:]]
                     for line in done.stdout.splitlines()])


def scikit_learn(seed, train, test):
    forest = RandomForestClassifier(n_estimators=100, random_state=seed).fit(*train)
    return forest.predict_proba(test[0])


def scores(y, prob):
    return (f1_score(y, prob.argmax(axis=1), average="macro"),
            -np.log(np.clip(prob[np.arange(len(y)), y], 1e-6, 1)).mean())


def compare(build, folder, name, path):
    table = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=range(1, 11))
    x, y = table[:, :9].astype(np.float32), table[:, 9].astype(int)
    found = {"ours": [], "scikit-learn": []}
    for seed in range(SEEDS):
        prob = {who: np.zeros((len(y), CLASSES)) for who in found}
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        for train, test in folds.split(x, y):
            parts = (x[train], y[train]), (x[test], y[test])
            prob["ours"][test] = ours(build, folder, seed, *parts)
            prob["scikit-learn"][test] = scikit_learn(seed, *parts)
        for who in found:
            found[who].append(scores(y, prob[who]))
    print(f"{name}: {len(y)} rows, {SEEDS} seeds x {FOLDS} folds, 100 trees")
    for who, values in found.items():
        f1, loss = np.array(values).T
        print(f"  {who:13} macro-F1 {f1.mean():.4f} (sd {f1.std(ddof=1):.4f})   "
              f"log-loss {loss.mean():.4f} (sd {loss.std(ddof=1):.4f})")
    mine, other = (np.array(found[who])[:, 0] for who in ("ours", "scikit-learn"))
    return mine.mean() >= other.mean() - 2 * other.std(ddof=1)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    root = pathlib.Path(__file__).resolve().parents[2]
    shared = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else root.parent / "shared"
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name in ("plain", "hard"):
            path = shared / "golden" / name / HISTORY
            good = compare(build, pathlib.Path(folder), name, path) and good
    raise SystemExit(0 if good else "our forest is worse than scikit-learn's")


main()
