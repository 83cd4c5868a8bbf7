"""Our explanations beside shap's, see run. Usage: compare.py FOREST_TOOL [ROWS [RUNS]]

The forest: 100 trees of scikit-learn grown without bootstrap on 20,000 rows of 9 features and 6
overlapping classes, so that the rows counted at our nodes are scikit-learn's own counts. shap's
TreeExplainer uses one thread; its rows are also shared between two processes. Reading the model is
not counted for either, starting processes is not counted for shap.
"""
import concurrent.futures
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import shap
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier

TRAINED, FEATURES, CLASSES, TREES = 20_000, 9, 6, 100
explainer = None


def write_csv(path, x):
    header = ",".join(f"f{i}" for i in range(x.shape[1]))
    np.savetxt(path, x, fmt="%.9g", delimiter=",", header=header, comments="")


def ours(tool, folder, threads):
    done = subprocess.run([tool, "explain", folder / "m.onnx", folder / "x.csv", str(threads),
                           folder / "train.csv"], check=True, capture_output=True, text=True)
    lines = [np.array(line.split(","), dtype=float) for line in done.stdout.splitlines()]
    phi = np.stack(lines[1:]).reshape(-1, CLASSES, FEATURES).transpose(0, 2, 1)
    return float(re.search(r"explain: ([0-9.]+) s", done.stderr)[1]), phi


def shares(x):
    return explainer.shap_values(x, check_additivity=False)


def theirs(x, pool):
    start = time.perf_counter()
    phi = shares(x) if pool is None else np.concatenate(list(pool.map(shares, np.array_split(x, 2))))
    return time.perf_counter() - start, phi


def main():
    global explainer
    tool = sys.argv[1]
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    random = np.random.RandomState(1)
    centres = random.randn(CLASSES, FEATURES) * 0.7
    y = random.randint(0, CLASSES, TRAINED + rows)
    x = (centres[y] + random.randn(len(y), FEATURES)).astype(np.float32)
    forest = RandomForestClassifier(TREES, bootstrap=False, random_state=1, n_jobs=2)
    forest.fit(x[:TRAINED], y[:TRAINED])
    nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    explainer = shap.TreeExplainer(forest, feature_perturbation="tree_path_dependent")
    found = {"ours, 2 threads": [], "ours, 1 thread": [], "shap, 1 thread": [],
             "shap, 2 processes": []}
    apart = 0
    with tempfile.TemporaryDirectory() as name, \
            concurrent.futures.ProcessPoolExecutor(2) as pool:
        folder = pathlib.Path(name)
        (folder / "m.onnx").write_bytes(to_onnx(forest, x[:1]).SerializeToString())
        write_csv(folder / "train.csv", x[:TRAINED])
        write_csv(folder / "x.csv", x[TRAINED:])
        list(pool.map(shares, [x[:1], x[:1]]))
        for _ in range(runs):
            for what, threads in (("ours, 2 threads", 2), ("ours, 1 thread", 1)):
                seconds, phi = ours(tool, folder, threads)
                found[what].append(seconds)
            for what, workers in (("shap, 1 thread", None), ("shap, 2 processes", pool)):
                seconds, wanted = theirs(x[TRAINED:], workers)
                found[what].append(seconds)
            apart = max(apart, np.abs(phi - wanted).max())
    print(f"{rows} rows, all {CLASSES} classes, {TREES} trees with {nodes:,} nodes, {FEATURES} "
          f"features, {os.cpu_count()} cores; median of {runs}; largest difference of a share: "
          f"{apart:.1e}\n")
    print("| | time (s) | rows a second | times as fast as shap with 2 processes |")
    print("|---|---|---|---|")
    base = statistics.median(found["shap, 2 processes"])
    for what, seconds in found.items():
        median = statistics.median(seconds)
        print(f"| {what} | {median:.2f} | {rows / median:,.1f} | {base / median:.1f} |")


main()
