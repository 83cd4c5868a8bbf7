"""Compares our explanations with the shap package's TreeExplainer (path-dependent), within 1e-6.

Usage: python oracle_shap.py   (AUTOSTREAM_BUILD/tests/forest_tool is called)

1. Forests whose trees saw every row (no bootstrap): the training rows, counted at our nodes, are
   scikit-learn's own counts.
2. Bootstrapped and weighted forests: scikit-learn's counts are put into the ONNX file as
   nodes_hitrates.

scikit-learn's probabilities are the sums of base and shares, within 1e-6. Without the shap package
everything is skipped (exit status 77).
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from skl2onnx import to_onnx
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

try:
    import shap
except ImportError:
    print("skipped: the shap package is not installed (pip install shap)")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(77)

TOLERANCE = 1e-6
ROWS = 60
TOOL = pathlib.Path(os.environ["AUTOSTREAM_BUILD"]) / "tests" / "forest_tool"
counts = {"passed": 0, "failed": 0, "skipped": 0}


def tell(result, what):
    print({"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[result], what)
    counts[result] += 1


def write_csv(path, x):
    header = ",".join(f"f{i}" for i in range(x.shape[1]))
    np.savetxt(path, x, fmt="%.9g", delimiter=",", header=header, comments="")


def ours(folder, model, x, background=None, threads=2):
    write_csv(folder / "x.csv", x)
    arguments = [str(TOOL), "explain", str(model), str(folder / "x.csv"), str(threads)]
    if background is not None:
        write_csv(folder / "background.csv", background)
        arguments.append(str(folder / "background.csv"))
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        return None, done.stderr.strip()
    lines = [np.array(line.split(","), dtype=float) for line in done.stdout.splitlines()]
    base = lines[0]
    return base, np.stack(lines[1:]).reshape(len(x), len(base), x.shape[1]).transpose(0, 2, 1)


def compare(what, estimator, x, base, phi):
    explainer = shap.TreeExplainer(estimator, feature_perturbation="tree_path_dependent")
    theirs = explainer.shap_values(x, check_additivity=False)
    worst = np.abs(theirs - phi).max()
    worst_base = np.abs(explainer.expected_value - base).max()
    sums = np.abs(base + phi.sum(axis=1) - estimator.predict_proba(x)).max()
    ok = worst <= TOLERANCE and worst_base <= TOLERANCE and sums <= TOLERANCE
    tell("passed" if ok else "failed",
         f"{what}: {len(x)} rows, shares within {worst:.1e}, base {worst_base:.1e}, sums {sums:.1e}")


def write_model(estimator, x, path, hitrates):
    model = to_onnx(estimator, x[:1], options={"zipmap": False})
    if hitrates:
        rates = np.concatenate([t.tree_.weighted_n_node_samples for t in estimator.estimators_])
        node = next(n for n in model.graph.node if n.op_type == "TreeEnsembleClassifier")
        for attribute in list(node.attribute):
            if attribute.name.startswith("nodes_hitrates"):
                node.attribute.remove(attribute)
        node.attribute.append(onnx.helper.make_attribute("nodes_hitrates", rates.astype(np.float32)))
    path.write_bytes(model.SerializeToString())


def table(random, rows, features, classes):
    x = random.randn(rows, features).astype(np.float32)
    score = x[:, 0] + x[:, 1] * x[:, features // 2] + 0.5 * random.randn(rows)
    cuts = np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1])
    return x, np.digitize(score, cuts)


def main():
    random = np.random.RandomState(20261123)
    cases = [("6 classes, 9 features", 2000, 9, 6, {}),
             ("2 classes", 800, 5, 2, {}),
             ("mixed leaves", 1500, 6, 3, {"min_samples_leaf": 7}),
             ("40 features, deep", 1200, 40, 3, {"max_features": 1}),
             ("stumps", 500, 4, 3, {"max_depth": 1})]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for what, rows, features, classes, options in cases:
            x, y = table(random, rows, features, classes)
            some = np.concatenate([x[:ROWS // 2], random.randn(ROWS // 2, features).astype(np.float32)])
            for kind in (RandomForestClassifier, ExtraTreesClassifier):
                whole = kind(20, bootstrap=False, random_state=1, **options).fit(x, y)
                write_model(whole, x, folder / "model.onnx", False)
                base, phi = ours(folder, folder / "model.onnx", some, x)
                if base is None:
                    tell("failed", f"{what}, {kind.__name__}: {phi}")
                    continue
                compare(f"{what}, {kind.__name__}, rows counted", whole, some, base, phi)
                bag = kind(20, bootstrap=True, random_state=1, class_weight="balanced",
                           **options).fit(x, y)
                write_model(bag, x, folder / "model.onnx", True)
                base, phi = ours(folder, folder / "model.onnx", some)
                if base is None and "does not tell" in phi:
                    tell("skipped", f"{what}, {kind.__name__}, counts in the file: not read yet")
                elif base is None:
                    tell("failed", f"{what}, {kind.__name__}: {phi}")
                else:
                    compare(f"{what}, {kind.__name__}, counts in the file", bag, some, base, phi)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(counts["failed"] > 0)


main()
