"""Compares our measures, intervals, calibration, costs and importance with scikit-learn and numpy.

Usage: python oracle_metrics.py BUILD_DIR   (default: $AUTOSTREAM_BUILD, else build;
BUILD_DIR/tests/evaluate_tool is called)

1. Every measure equals scikit-learn's within 1e-12, with many equal probabilities among them.
2. Bootstrap intervals lie where numpy's own resamples put them (within a quarter of the width).
3. Isotonic calibration equals scikit-learn's; the temperature is the one that scipy finds.
4. The cost-optimal threshold is as cheap as the best of all thresholds.
5. Gini importance is scikit-learn's within what two forests differ by (0.02), and both importances put
   the features that matter first.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn import metrics
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.isotonic import IsotonicRegression

build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("AUTOSTREAM_BUILD",
                                                                        "build"))
passed = failed = 0


def check(ok, what):
    global passed, failed
    print("ok  " if ok else "FAIL", what)
    passed, failed = passed + bool(ok), failed + (not ok)


def close(a, b, tolerance=1e-12):
    return np.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True)


def tool(*args):
    done = subprocess.run([str(build / "tests" / "evaluate_tool"), *map(str, args)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout.splitlines()


def write(path, values, y):
    with open(path, "w") as out:
        for row, label in zip(values, y):
            out.write(",".join("%.17g" % v for v in row) + ",%d\n" % label)
    return path


def predictions(random, rows, classes, grain=None):
    """Labels and probabilities that know something; with `grain`, of so many equal votes."""
    y = random.choice(classes, rows, p=random.dirichlet(np.ones(classes) * 2))
    raw = random.gamma(0.4, 1, (rows, classes))
    raw[np.arange(rows), y] += random.gamma(1.5, 1, rows)
    p = raw / raw.sum(axis=1, keepdims=True)
    if grain:
        p = np.stack([random.multinomial(grain, row) for row in p]) / grain
    return y, p


def calibration_error(y, p):
    top = np.minimum(p.max(axis=1), 1)
    right = p.argmax(axis=1) == y
    bins = np.minimum((top * 15).astype(int), 14)
    return sum(abs((right[bins == b] - top[bins == b]).sum()) for b in range(15)) / len(y)


def theirs(y, p, quiet):
    classes = p.shape[1]
    predicted = p.argmax(axis=1)
    some = [c for c in range(classes) if 0 < (y == c).sum() < len(y)]
    ranked = [1] if classes == 2 else some
    clipped = np.clip(p[np.arange(len(y)), y], 1e-6, 1)
    onehot = np.eye(classes)[y]
    brier = (metrics.brier_score_loss(y, p[:, 1], labels=[0, 1]) if classes == 2
             else ((p - onehot) ** 2).sum(axis=1).mean())
    return {
        "accuracy": metrics.accuracy_score(y, predicted),
        "macro_f1": metrics.f1_score(y, predicted, labels=np.unique(y), average="macro",
                                     zero_division=0),
        "log_loss": -np.log(clipped).mean(),
        "auc": np.mean([metrics.roc_auc_score(y == c, p[:, c]) for c in ranked]),
        "average_precision": np.mean([metrics.average_precision_score(y == c, p[:, c])
                                      for c in ranked]),
        "event_auc": metrics.roc_auc_score(y != quiet, -p[:, quiet]),
        "event_average_precision": metrics.average_precision_score(y != quiet, -p[:, quiet]),
        "brier": brier,
        "calibration_error": calibration_error(y, p),
    }


def test_metrics(folder, random):
    for rows, classes, grain in [(50, 2, 10), (300, 2, None), (240, 6, 100), (1000, 3, 7),
                                 (4000, 26, 40), (60, 6, 5)]:
        y, p = predictions(random, rows, classes, grain)
        lines = tool("metrics", write(folder / "p.csv", p, y), 0, 1)
        ours = {line.split(",")[0]: [float(v) for v in line.split(",")[1:]] for line in lines}
        for name, value in theirs(y, p, 0).items():
            check(close(ours[name][0], value), f"{name}, {rows} rows, {classes} classes: {value:.6f}")
        each = np.array([ours[str(c)] for c in range(classes)]).T
        expected = metrics.precision_recall_fscore_support(y, p.argmax(axis=1), zero_division=0,
                                                           labels=range(classes))[:3]
        check(close(each, np.array(expected)), f"precision, recall, F1 of {classes} classes")


def test_intervals(folder, random):
    y, p = predictions(random, 400, 3, 50)
    lines = tool("metrics", write(folder / "p.csv", p, y), 0, 5)
    drawn = [random.integers(0, len(y), len(y)) for _ in range(500)]
    resampled = [theirs(y[i], p[i], 0) for i in drawn]
    for line in lines[:9]:
        name, _, low, high = line.split(",")
        expected = np.percentile([one[name] for one in resampled], [2.5, 97.5])
        width = expected[1] - expected[0]
        check(close([float(low), float(high)], expected, width / 4),
              f"interval of {name}: {low[:6]}..{high[:6]}, numpy {expected.round(4)}")


def test_calibration(folder, random):
    for classes in 2, 5:
        y, p = predictions(random, 700, classes, 37)
        _, fresh = predictions(random, 200, classes, 100)
        fit, apply = write(folder / "fit.csv", p, y), write(folder / "p.csv", fresh, fresh[:, 0])
        lines = tool("calibrate", "isotonic", fit, apply)
        ours = np.array([[float(v) for v in line.split(",")] for line in lines[1:]])
        curves = [IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p[:, c], y == c)
                  for c in range(classes)]
        expected = np.stack([curves[c].predict(fresh[:, c]) for c in range(classes)], axis=1)
        total = expected.sum(axis=1, keepdims=True)
        expected = np.where(total > 0, expected / np.where(total > 0, total, 1), 1 / classes)
        check(close(ours, expected, 1e-9), f"isotonic calibration of {classes} classes")

        lines = tool("calibrate", "temperature", fit, apply)
        temperature, floor = map(float, lines[0].split()[2:])
        ours = np.array([[float(v) for v in line.split(",")] for line in lines[1:]])

        def loss(sharpness, least):
            logits = sharpness * np.log(np.maximum(p, least))
            return -(logits[np.arange(len(y)), y] - np.log(np.exp(logits).sum(axis=1))).mean()

        best = minimize_scalar(lambda b: loss(b, floor), bounds=(0.05, 20), method="bounded",
                               options={"xatol": 1e-10})
        check(close(1 / temperature, best.x, 1e-5), f"temperature {temperature:.4f}, {classes} classes")
        check(all(best.fun <= minimize_scalar(lambda b, f=f: loss(b, f), bounds=(0.05, 20),
                                              method="bounded").fun + 1e-9
                  for f in (1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2)), "no other floor is better")
        expected = np.maximum(fresh, floor) ** (1 / temperature)
        expected /= expected.sum(axis=1, keepdims=True)
        check(close(ours, expected, 1e-9), f"temperature applied to {classes} classes")


def test_costs(folder, random):
    for missed, alarm in (1, 1), (10, 1), (1, 50), (0, 1):
        y, p = predictions(random, 500, 4, 20)
        event = 1 - p[:, 0]
        costs = [(missed * ((y != 0) & (event < t)) + alarm * ((y == 0) & (event >= t))).mean()
                 for t in np.concatenate([np.unique(event), [2]])]
        threshold, cost = map(float, tool("cost", write(folder / "p.csv", p, y), 0, missed,
                                          alarm)[0].split(","))
        check(close(cost, min(costs)), f"missed {missed}, alarm {alarm}: from {threshold:.3f} on")


def test_importance(folder):
    for seed, classes in (1, 2), (2, 4):
        x, y = make_classification(2500, 12, n_informative=4, n_redundant=0, n_classes=classes,
                                   shuffle=False, random_state=seed)
        order = np.random.default_rng(seed).permutation(len(y))
        x, y = x[order].astype(np.float32), y[order]
        lines = tool("importance", write(folder / "x.csv", x, y), 200)
        gini, shuffled = np.array([[float(v) for v in line.split(",")] for line in lines]).T
        forest = RandomForestClassifier(200, random_state=0, n_jobs=2).fit(x[:2000], y[:2000])
        difference = abs(gini - forest.feature_importances_).max()
        check(difference < 0.02, f"Gini importance, {classes} classes: within {difference:.4f}")
        check(close(gini.sum(), 1), "Gini importance sums to 1")
        for name, values in ("Gini", gini), ("permutation", shuffled):
            check(set(np.argsort(-values)[:4]) == {0, 1, 2, 3}, f"{name} finds the four that matter")
        check(abs(shuffled[4:]).max() < shuffled[:4].min() / 3, "noise has next to none")


with tempfile.TemporaryDirectory() as name:
    generator = np.random.default_rng(7)
    test_metrics(pathlib.Path(name), generator)
    test_intervals(pathlib.Path(name), generator)
    test_calibration(pathlib.Path(name), generator)
    test_costs(pathlib.Path(name), generator)
    test_importance(pathlib.Path(name))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
