"""Scoring speed of one forest: ours, scikit-learn, oneDAL, onnxruntime, treelite. Prints Markdown.

Usage: python score.py SCORE_TOOL [ROWS [TREES [ROUNDS]]]

scikit-learn trains the forest, skl2onnx writes it for onnxruntime and for us, treelite imports it;
oneDAL trains its own of the same kind. Each contender scores all rows (onnxruntime and treelite an
eighth, or they would take most of the time) once a round, in turn, with two threads. Said are medians
over the rounds: rows a second by the clock, and by the processor time used (which other work on the
machine hardly changes).
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier

import make_table

THREADS = 2
SINGLE_ROWS = 30
SLOW_PART = 8
PAUSE = 0.5  # seconds before each turn: threads of the contender before may wait busily for more work


class Ours:
    """Our forest, in a process of its own that predicts when told to."""

    def __init__(self, tool, model, x, folder):
        (folder / "x.f32").write_bytes(x.tobytes())
        self.prob_path, self.rows = folder / "p.f64", len(x)
        self.process = subprocess.Popen(
            [tool, model, folder / "x.f32", str(len(x)), str(THREADS), self.prob_path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]

    def time_all(self):
        return self.ask("all")

    def time_one(self):
        return self.ask("one")[0]

    def probabilities(self):
        self.process.stdin.close()
        self.process.wait()
        return np.fromfile(self.prob_path)


class Python:
    """A contender that is a function of X in this process."""

    def __init__(self, predict, x):
        self.predict, self.x, self.prob, self.rows = predict, x, None, len(x)

    def time_all(self):
        start, used = time.perf_counter(), time.process_time()
        self.prob = self.predict(self.x)
        return time.perf_counter() - start, time.process_time() - used

    def time_one(self):
        took = []
        for i in range(SINGLE_ROWS):
            row = self.x[i * 7919 % len(self.x)].reshape(1, -1)
            start = time.perf_counter()
            self.predict(row)
            took.append(time.perf_counter() - start)
        return statistics.median(took)

    def probabilities(self):
        return np.asarray(self.prob, dtype=np.float64).ravel()


def onedal(x, y, trees):
    from sklearnex.ensemble import RandomForestClassifier as Forest
    forest = Forest(n_estimators=trees, random_state=0, n_jobs=THREADS).fit(x, y)
    return Python(forest.predict_proba, x)


def onnxruntime(model, x):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return Python(lambda rows: session.run(None, {name: rows})[1], x[:len(x) // SLOW_PART])


def treelite(forest, x):
    import treelite as tl
    model = tl.sklearn.import_model(forest)
    return Python(lambda rows: tl.gtil.predict(model, rows, nthread=THREADS), x[:len(x) // SLOW_PART])


def try_add(contenders, name, make):
    """Adds a peer unless its package is missing."""
    try:
        contenders[name] = make()
    except ImportError as error:
        print(f"bench: without {name} ({error})", file=sys.stderr)


def write_onnx(forest, path):
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    shape = [None, forest.n_features_in_]
    model = to_onnx(forest, initial_types=[("X", FloatTensorType(shape))],
                    options={id(forest): {"zipmap": False}})
    path.write_bytes(model.SerializeToString())


def measure(contenders, rounds):
    """Median seconds a row: by the clock, and of the processors."""
    times = {name: [] for name in contenders}
    for contender in contenders.values():
        contender.time_all()  # first calls fetch and compile
    for _ in range(rounds):
        for name, contender in contenders.items():
            time.sleep(PAUSE)
            times[name].append([seconds / contender.rows for seconds in contender.time_all()])
    return {name: [statistics.median(column) for column in zip(*pairs)]
            for name, pairs in times.items()}


def main():
    tool = sys.argv[1]
    rows, trees, rounds = [int(value) for value in sys.argv[2:5]] + [160000, 100, 5][len(sys.argv) - 2:]
    x, y = make_table.make(rows)
    forest = RandomForestClassifier(trees, random_state=0, n_jobs=THREADS).fit(x, y)
    nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_onnx(forest, folder / "m.onnx")
        contenders = {"autostream": Ours(tool, folder / "m.onnx", x, folder),
                      "scikit-learn": Python(forest.predict_proba, x)}
        try_add(contenders, "oneDAL", lambda: onedal(x, y, trees))
        try_add(contenders, "onnxruntime", lambda: onnxruntime(folder / "m.onnx", x))
        try_add(contenders, "treelite (GTIL)", lambda: treelite(forest, x))
        speed = measure(contenders, rounds)
        single = {who: contender.time_one() for who, contender in contenders.items()}
        prob = {who: contender.probabilities() for who, contender in contenders.items()}
    print(f"{rows} rows x {x.shape[1]}, {trees} trees, {nodes} nodes, {THREADS} threads, "
          f"{os.cpu_count()} cores, median of {rounds} rounds in turn\n")
    print("| | rows/s | ours: times as fast | rows per second of processor | ours: times | one row (µs) "
          "| largest difference of a probability |")
    print("|---|---|---|---|---|---|---|")
    wall, used = speed["autostream"]
    for who, (seconds, processor) in speed.items():
        difference = "own forest" if who == "oneDAL" else (
            f"{np.abs(prob[who] - prob['autostream'][:len(prob[who])]).max():.1e}")
        print(f"| {who} | {1 / seconds:,.0f} | {seconds / wall:.1f} | {1 / processor:,.0f} "
              f"| {processor / used:.1f} | {single[who] * 1e6:,.1f} | {difference} |")


if __name__ == "__main__":
    main()
