"""Boosted trees of LightGBM, XGBoost and scikit-learn, exported to ONNX, read and run by us: the
same probabilities as onnxruntime gives (1e-6) and the same labels, on random rows, rows that hold
exactly the model's thresholds, and rows with missing values and infinities; and again when we have
read and written the file and onnxruntime runs our copy. What the converters write that changes scores outside the trees is refused with its reason.

Usage: python oracle_boosted.py BUILD_DIR   (BUILD_DIR/tests/forest_tool is called)

onnxruntime sums in float, we sum in double: for very many trees the tolerance grows with what a
float sum loses. Labels are compared with onnxruntime's, except in ties and in one case: two classes
under LOGISTIC whose votes are all positive. There its label is that of "score > 0.5", against its
own probabilities (and LightGBM's prediction); ours follows the probabilities.
Exit status 77: LightGBM, XGBoost or onnxmltools is missing.
"""
import pathlib
import subprocess
import sys
import tempfile
import warnings

try:
    import lightgbm
    import numpy as np
    import onnx
    import onnxmltools
    import onnxruntime
    import xgboost
    from onnx import TensorProto, helper
    from onnxmltools.convert.common.data_types import FloatTensorType
    from skl2onnx import to_onnx
    from sklearn.ensemble import GradientBoostingClassifier
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

warnings.filterwarnings("ignore")
TOLERANCE = 1e-6
ROWS = 10_000
FEATURES = 5
onnxruntime.set_default_logger_severity(3)
failures = []


def check(ok, what):
    print("ok  " if ok else "FAIL", what)
    if not ok:
        failures.append(what)


def write_csv(path, x):
    with open(path, "w") as out:
        out.write(",".join(f"f{i}" for i in range(x.shape[1])) + "\n")
        for row in x:
            out.write(",".join("%.9g" % value for value in row) + "\n")


def tool(build, *args):
    return subprocess.run([str(build / "tests" / "forest_tool"), *map(str, args)],
                          capture_output=True, text=True)


def ours(build, folder, model, x):
    write_csv(folder / "x.csv", x)
    done = tool(build, "predict", model, folder / "x.csv", 2)
    if done.returncode != 0:
        return None, done.stderr.strip()
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


def hard_rows(random, x, attributes):
    """Random rows; half of them have cells replaced by thresholds of that feature or the floats
    beside them; and rows with missing values, infinities and zeros of both signs."""
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
            aside = random.choice([-np.inf, np.inf], ROWS // 2).astype(np.float32)
            picks = np.where(random.rand(ROWS // 2) < 0.3, np.nextafter(picks, aside), picks)
            rows[:ROWS // 2, feature][chosen] = picks[chosen]
    part = rows[ROWS // 4: ROWS // 2]
    for value in (np.nan, np.inf, -np.inf, 0.0, -0.0):
        part[random.rand(*part.shape) < 0.06] = value
    rows[0], rows[1], rows[2], rows[3], rows[4] = np.nan, np.inf, -np.inf, 0.0, -0.0
    return rows


def tolerance_of(attributes):
    """What onnxruntime's float sums of this many weights of this size can lose."""
    trees = len(set(attributes["nodes_treeids"]))
    largest = max(abs(weight) for weight in attributes["class_weights"])
    return max(TOLERANCE, 2e-9 * trees * largest)


def compare(build, folder, what, model, x, random):
    attributes = classifier(model)
    rows = hard_rows(random, x, attributes)
    label, prob = ours(build, folder, model, rows)
    if label is None:
        check(False, f"{what}: {prob}")
        return
    label_rt, prob_rt = theirs(model, rows)
    if len(prob_rt[0]) == 2 and min(attributes["class_weights"]) >= 0:
        names = attributes.get("classlabels_int64s") or attributes["classlabels_strings"]
        names = [n.decode() if isinstance(n, bytes) else str(n) for n in names]
        label_rt = np.array(names)[prob_rt.argmax(axis=1)]
    copied = tool(build, "copy", model, folder / "copy.onnx")
    check(copied.returncode == 0, f"{what}: written again {copied.stderr.strip()}")
    onnx.checker.check_model(str(folder / "copy.onnx"), full_check=True)
    _, prob_copy = theirs(folder / "copy.onnx", rows)
    allowed = tolerance_of(attributes)
    check(np.abs(prob_copy - prob_rt).max() <= allowed,
          f"{what}: onnxruntime gives the same of our copy")
    worst = np.abs(prob - prob_rt).max()
    top = np.sort(prob_rt, axis=1)
    tie = top[:, -1] - top[:, -2] <= 2 * allowed
    wrong = int(((label != label_rt) & ~tie).sum())
    check(worst <= allowed and wrong == 0,
          f"{what}: {len(rows)} rows, probabilities within {worst:.1e} (allowed {allowed:.1e}), "
          f"labels that differ: {wrong}, in ties: {int(((label != label_rt) & tie).sum())}")


def tables(random):
    x = random.randn(600, FEATURES).astype(np.float32)
    missing = x.copy()
    missing[random.rand(*x.shape) < 0.15] = np.nan
    three = (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 0.5)
    noise = random.rand(600) < 0.1
    three[noise] = random.randint(0, 3, noise.sum())
    return x, missing, three


def types():
    return [("input", FloatTensorType([None, FEATURES]))]


def lightgbm_models(build, folder, random):
    x, missing, three = tables(random)
    two, words = (three > 0).astype(int), np.array(["neuf", "usé", "cassé"])
    zeros = np.where(np.abs(x) < 0.5, 0, x).astype(np.float32)
    cases = [
        ("two classes", x, two, 100, {}),
        ("two classes, missing values", missing, two, 100, {}),
        ("two words", x, words[two], 30, {}),
        ("three classes", x, three, 100, {}),
        ("three classes, missing values", missing, three, 100, {}),
        ("three words", x, words[three], 30, {}),
        ("labels that skip", x, three * 10 - 5, 30, {}),
        ("many deep trees", missing, three, 300, {"num_leaves": 60, "min_child_samples": 2}),
        ("one against all", x, three, 30, {"objective": "multiclassova"}),
        ("zero is missing", zeros, three, 30, {"zero_as_missing": True}),
        ("one tree", x, two, 1, {}),
        ("dart", x, three, 30, {"boosting_type": "dart"}),
    ]
    for what, table, labels, trees, options in cases:
        model = lightgbm.LGBMClassifier(n_estimators=trees, verbose=-1, random_state=1, n_jobs=1, **options)
        model.fit(table, labels)
        for zipmap in (True, False):
            path = folder / "lightgbm.onnx"
            path.write_bytes(onnxmltools.convert_lightgbm(
                model, initial_types=types(), zipmap=zipmap, target_opset=15).SerializeToString())
            compare(build, folder, f"LightGBM, {what}{', ZipMap' if zipmap else ''}", path, table,
                    random)


def xgboost_models(build, folder, random):
    x, missing, three = tables(random)
    two = (three > 0).astype(int)
    cases = [
        ("two classes", x, two, 100, {}),
        ("two classes, missing values", missing, two, 100, {}),
        ("two classes, base score", x, two, 30, {"base_score": 0.3}),
        ("three classes", x, three, 100, {}),
        ("three classes, missing values", missing, three, 100, {}),
        ("early stop", x, three, 100, {"early_stopping_rounds": 2}),
        ("forests", x, three, 20, {"num_parallel_tree": 3, "subsample": 0.6}),
        ("many deep trees", missing, three, 300, {"max_depth": 8}),
        ("one tree", x, two, 1, {}),
    ]
    for what, table, labels, trees, options in cases:
        model = xgboost.XGBClassifier(n_estimators=trees, random_state=1, n_jobs=1, **options)
        early = {"eval_set": [(table[:100], labels[:100])], "verbose": False}
        model.fit(table, labels, **(early if "early_stopping_rounds" in options else {}))
        path = folder / "xgboost.onnx"
        path.write_bytes(onnxmltools.convert_xgboost(
            model, initial_types=types(), target_opset=15).SerializeToString())
        compare(build, folder, f"XGBoost, {what}", path, table, random)


def sklearn_models(build, folder, random):
    x, _, three = tables(random)
    two = (three > 0).astype(int)
    cases = [
        ("two classes", GradientBoostingClassifier(random_state=1), x, two),
        ("three classes", GradientBoostingClassifier(random_state=1), x, three),
    ]
    for what, model, table, labels in cases:
        model.fit(table, labels)
        path = folder / "sklearn.onnx"
        path.write_bytes(to_onnx(model, table[:1], options={id(model): {"zipmap": False}},
                                 target_opset={"": 15, "ai.onnx.ml": 3}).SerializeToString())
        compare(build, folder, f"scikit-learn boosting, {what}", path, table, random)


def made_model(modes, tracks, post, classes, random, base=None):
    """Ten random trees of depth 4 in every way that the operator allows and we read. Every class
    gets votes, as from boosting: onnxruntime never gives the label of a class without any."""
    nodes = {key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes",
                                 "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    votes = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}
    for tree in range(10):
        for node in range(31):
            leaf = node >= 15
            for key, value in (
                    ("treeids", tree), ("nodeids", node), ("featureids", random.randint(FEATURES)),
                    ("values", float(np.float32(np.round(random.randn(), 1)))),
                    ("modes", "LEAF" if leaf else random.choice(modes)),
                    ("truenodeids", 0 if leaf else 2 * node + 1),
                    ("falsenodeids", 0 if leaf else 2 * node + 2),
                    ("missing_value_tracks_true", int(tracks and random.rand() < 0.5))):
                nodes[key].append(value)
            if leaf:
                for key, value in (("treeids", tree), ("nodeids", node),
                                   ("ids", tree % classes if classes > 2 else 0),
                                   ("weights", float(random.randn() / 3))):
                    votes[key].append(value)
    made = helper.make_node(
        "TreeEnsembleClassifier", ["X"], ["label", "prob"], domain="ai.onnx.ml",
        classlabels_int64s=list(range(classes)), post_transform=post,
        **({"base_values": base} if base else {}),
        **{f"nodes_{key}": value for key, value in nodes.items()},
        **{f"class_{key}": value for key, value in votes.items()})
    graph = helper.make_graph(
        [made], "made", [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
         helper.make_tensor_value_info("prob", TensorProto.FLOAT, [None, classes])])
    return helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("ai.onnx.ml", 1), helper.make_opsetid("", 15)])


def made_models(build, folder, random):
    x = random.randn(600, FEATURES).astype(np.float32)
    orders = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"]
    for modes in [[mode] for mode in orders] + [orders]:
        for tracks in (False, True):
            for post, classes, base in (("LOGISTIC", 2, None), ("LOGISTIC", 2, [-0.7]),
                                        ("SOFTMAX", 4, None), ("SOFTMAX", 3, [0.5, -1.0, 0.0]),
                                        ("LOGISTIC", 3, [0.5, -1.0, 0.25])):
                path = folder / "made.onnx"
                path.write_bytes(made_model(modes, tracks, post, classes, random,
                                            base).SerializeToString())
                compare(build, folder, f"made, {'|'.join(modes)}{', tracked' if tracks else ''}, "
                        f"{post}, {classes} classes{', base' if base else ''}", path, x, random)


def refused_models(build, folder, random):
    x, _, three = tables(random)
    two = (three > 0).astype(int)
    bagging = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
    forest = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, **bagging).fit(x, two)
    hinge = xgboost.XGBClassifier(n_estimators=5, objective="binary:hinge").fit(x, two)
    softmax = xgboost.XGBClassifier(n_estimators=5, objective="multi:softmax").fit(x, three)
    raw = to_onnx(GradientBoostingClassifier(n_estimators=3).fit(x, three), x[:1],
                  options={"raw_scores": True}, target_opset={"": 15, "ai.onnx.ml": 3})
    newer = made_model(["BRANCH_LEQ"], False, "SOFTMAX", 3, random)
    newer.graph.node[0].op_type = "TreeEnsemble"
    cases = [
        ("LightGBM's forest", onnxmltools.convert_lightgbm(
            forest, initial_types=types(), target_opset=15), "ArrayFeatureExtractor"),
        ("XGBoost, hinge", onnxmltools.convert_xgboost(
            hinge, initial_types=types(), target_opset=15), "operator Greater"),
        ("XGBoost, labels only", onnxmltools.convert_xgboost(
            softmax, initial_types=types(), target_opset=15), "not a probability"),
        ("raw scores", raw, "not a probability"),
        ("probit", made_model(["BRANCH_LEQ"], False, "PROBIT", 3, random), "PROBIT"),
        ("softmax zero", made_model(["BRANCH_LEQ"], False, "SOFTMAX_ZERO", 3, random),
         "SOFTMAX_ZERO"),
        ("softmax of one vote", made_model(["BRANCH_LEQ"], False, "SOFTMAX", 2, random),
         "export the model with LOGISTIC"),
        ("equality", made_model(["BRANCH_EQ"], False, "SOFTMAX", 3, random), "other means"),
        ("the operator TreeEnsemble", newer, "TreeEnsemble is not supported"),
    ]
    write_csv(folder / "x.csv", x)
    for what, model, reason in cases:
        (folder / "refused.onnx").write_bytes(model.SerializeToString())
        done = tool(build, "predict", folder / "refused.onnx", folder / "x.csv", 1)
        check(done.returncode == 1 and reason in done.stderr,
              f"refused, {what}: {done.stderr.strip()}")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    random = np.random.RandomState(20261123)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lightgbm_models(build, folder, random)
        xgboost_models(build, folder, random)
        sklearn_models(build, folder, random)
        made_models(build, folder, random)
        refused_models(build, folder, random)
    if failures:
        raise SystemExit(f"{len(failures)} comparisons failed")
    print("all comparisons agree")


main()
