"""Compares our model files and predictions with onnxruntime and scikit-learn.

Usage: python oracle_onnx.py BUILD_DIR   (BUILD_DIR/tests/forest_tool is called)

1. Forests trained by us, run by onnxruntime: the same probabilities (1e-6) and labels, on random
   rows, rows that hold exactly our thresholds, and rows with missing values.
2. scikit-learn's forests exported by skl2onnx, read and run by us: the same again.
3. Models that we cannot honour exactly are refused.

Labels may differ only where onnxruntime's own two best probabilities are within 1e-6.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper
from skl2onnx import to_onnx
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

TOLERANCE = 1e-6
ROWS = 10_000
failures = []


def check(ok, what):
    print("ok  " if ok else "FAIL", what)
    if not ok:
        failures.append(what)


def write_csv(path, x, labels=None):
    with open(path, "w") as out:
        columns = [f"f{i}" for i in range(x.shape[1])] + (["y"] if labels is not None else [])
        out.write(",".join(columns) + "\n")
        for i, row in enumerate(x):
            cells = ["%.9g" % value for value in row]
            out.write(",".join(cells + ([str(labels[i])] if labels is not None else [])) + "\n")


def tool(build, *args):
    return subprocess.run([str(build / "tests" / "forest_tool"), *map(str, args)],
                          capture_output=True, text=True)


def ours(build, folder, model, x, threads=2):
    write_csv(folder / "x.csv", x)
    done = tool(build, "predict", model, folder / "x.csv", threads)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    rows = [line.split(",") for line in done.stdout.splitlines()]
    return (np.array([row[0] for row in rows]),
            np.array([[float(cell) for cell in row[1:]] for row in rows]))


def theirs(model, x):
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    labels, prob = session.run(None, {session.get_inputs()[0].name: x})[:2]
    if isinstance(prob, list):  # ZipMap
        prob = np.array([[row[key] for key in sorted(row)] for row in prob])
    return np.array([str(label) for label in labels]), prob.astype(float)


def classifier(model):
    node = next(n for n in onnx.load(str(model)).graph.node if n.op_type == "TreeEnsembleClassifier")
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def hard_rows(random, x, model):
    """Random rows; half of them have cells replaced by thresholds of that feature, exactly; and
    rows with missing values and infinities."""
    attributes = classifier(model)
    features = np.array(attributes["nodes_featureids"])
    values = np.array(attributes["nodes_values"], dtype=np.float32)
    branch = np.array([mode != b"LEAF" for mode in attributes["nodes_modes"]])
    low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
    rows = random.uniform(low, high, (ROWS, x.shape[1])).astype(np.float32)
    for feature in range(x.shape[1]):
        thresholds = values[branch & (features == feature)]
        if len(thresholds):
            chosen = random.rand(ROWS // 2) < 0.5
            picks = random.choice(thresholds, ROWS // 2)
            rows[:ROWS // 2, feature][chosen] = picks[chosen]
    rows[ROWS // 4: ROWS // 2][random.rand(ROWS // 4, x.shape[1]) < 0.2] = np.nan
    rows[0], rows[1], rows[2] = np.nan, np.inf, -np.inf
    return rows


def compare(build, folder, what, model, rows):
    for threads in (1, 3):
        label, prob = ours(build, folder, model, rows, threads)
        label_rt, prob_rt = theirs(model, rows)
        worst = np.abs(prob - prob_rt).max()
        top = np.sort(prob_rt, axis=1)
        tie = top[:, -1] - top[:, -2] <= TOLERANCE
        wrong = int(((label != label_rt) & ~tie).sum())
        check(worst <= TOLERANCE and wrong == 0,
              f"{what}, {threads} thread(s): {len(rows)} rows, probabilities within {worst:.1e}, "
              f"labels that differ: {wrong}, in ties: {int(((label != label_rt) & tie).sum())}")


def tables(random):
    x = random.randn(400, 5).astype(np.float32)
    noise = random.rand(400) < 0.1
    three = (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 0.5)
    three[noise] = random.randint(0, 3, noise.sum())
    missing = x.copy()
    missing[random.rand(*x.shape) < 0.15] = np.nan
    ties = np.round(x)  # equal rows with different labels: mixed leaves
    return x, missing, ties, three


def our_models(build, folder, random):
    x, missing, ties, three = tables(random)
    two = (three > 0).astype(int)
    words = np.array(["neuf", "usé", "cassé"])
    cases = [
        ("three classes", x, three, "0,1,2", 100),
        ("missing values", missing, three, "0,1,2", 100),
        ("mixed leaves", ties, three, "0,1,2", 100),
        ("labels that skip", x, three * 10 - 5, "-5,5,15", 10),
        ("words", x, words[three], "neuf,usé,cassé", 30),
        ("two classes", x, two, "0,1", 100),
        ("two classes, mixed leaves, words", ties, words[two], "neuf,usé", 100),
        ("a class that never occurs", x, three, "0,1,2,3", 20),
        ("only one class occurs", x, three * 0, "0,1,2", 10),
        ("only one of two classes occurs", x, three * 0 + 1, "0,1", 10),
        ("one row", x[:1], three[:1], "0,1,2", 10),
        ("one tree", x, three, "0,1,2", 1),
    ]
    for what, table, labels, names, trees in cases:
        write_csv(folder / "train.csv", table, labels)
        model = folder / "ours.onnx"
        done = tool(build, "train", folder / "train.csv", model, trees, 7, 2, names)
        check(done.returncode == 0, f"ours, {what}: trained {done.stderr.strip()}")
        onnx.checker.check_model(str(model), full_check=True)
        compare(build, folder, f"ours, {what}", model, hard_rows(random, x, model))


def sklearn_models(build, folder, random):
    x, missing, ties, three = tables(random)
    two = (three > 0).astype(int)
    words = np.array(["neuf", "usé", "cassé"])
    forest = lambda **options: RandomForestClassifier(random_state=3, **options)
    cases = [
        ("three classes", forest(), x, three),
        ("mixed leaves", forest(max_depth=4), x, three),
        ("equal rows", forest(), ties, three),
        ("two classes", forest(), x, two),
        ("two classes, shallow", forest(max_depth=3), x, two),
        ("truth values", forest(max_depth=3), x, two == 1),
        ("words", forest(), x, words[three]),
        ("two words", forest(), x, words[two]),
        ("extremely random trees", ExtraTreesClassifier(random_state=3), x, three),
        ("one tree", DecisionTreeClassifier(random_state=3), x, three),
        ("missing values", forest(), missing, three),
    ]
    for what, estimator, table, labels in cases:
        estimator.fit(table, labels)
        for zipmap in (False, True):
            model = folder / "theirs.onnx"
            model.write_bytes(to_onnx(estimator, table[:1], options={
                id(estimator): {"zipmap": zipmap}}).SerializeToString())
            compare(build, folder, f"skl2onnx, {what}{', ZipMap' if zipmap else ''}", model,
                    hard_rows(random, x, model))


def refused_models(build, folder, random):
    x, _, _, three = tables(random)
    write_csv(folder / "x.csv", x)
    cases = [
        ("scaled inputs", make_pipeline(StandardScaler(), RandomForestClassifier(3)), x, "Scaler"),
        ("double inputs", RandomForestClassifier(3), x.astype(float), "float32"),
    ]
    for what, estimator, table, reason in cases:
        estimator.fit(table, three)
        (folder / "refused.onnx").write_bytes(to_onnx(estimator, table[:1]).SerializeToString())
        done = tool(build, "predict", folder / "refused.onnx", folder / "x.csv", 1)
        check(done.returncode == 1 and reason in done.stderr,
              f"refused, {what}: {done.stderr.strip()}")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    random = np.random.RandomState(20261123)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        our_models(build, folder, random)
        sklearn_models(build, folder, random)
        refused_models(build, folder, random)
    if failures:
        raise SystemExit(f"{len(failures)} comparisons failed")
    print("all comparisons agree")


main()
