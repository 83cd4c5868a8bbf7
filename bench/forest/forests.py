"""Ours and the peers behind one function each: train on x, y, predict xt; seconds and probabilities.

Wall time and processor time count training alone, with the table in memory: on a machine that others
use too, processor time is the fairer one."""
import pathlib
import re
import resource
import subprocess
import tempfile
import time

import numpy as np
from sklearn.metrics import f1_score

THREADS = 2


def write_csv(path, x, y):
    line = ",".join(["%.9g"] * x.shape[1]) + ",%d\n"
    with open(path, "w", encoding="ascii") as file:
        file.write(",".join(f"f{i}" for i in range(x.shape[1])) + ",y\n")
        file.writelines(line % (*row, label) for row, label in zip(x.tolist(), y.tolist()))


class Ours:
    """forest_tool, the forest without the rest of the program; tables are written once."""
    name = "autostream"

    def __init__(self, build, data):
        x, y, xt, yt = data
        self.tool = pathlib.Path(build).resolve() / "tests" / "forest_tool"
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.labels = ",".join(map(str, range(max(y.max(), yt.max()) + 1)))
        write_csv(self.path / "train.csv", x, y)
        write_csv(self.path / "test.csv", xt, yt)

    def train(self, trees, seed, threads=THREADS):
        done = subprocess.run(
            [self.tool, "train", self.path / "train.csv", self.path / "m.onnx", str(trees),
             str(seed), str(threads), self.labels], check=True, capture_output=True, text=True)
        wall, nodes, cpu = re.match(
            r"train: ([\d.]+) s, (\d+) nodes, ([\d.]+) s of processor", done.stderr).groups()
        return float(wall), float(cpu), int(nodes)

    def run(self, trees, seed):
        wall, cpu, _ = self.train(trees, seed)
        done = subprocess.run(
            [self.tool, "predict", self.path / "m.onnx", self.path / "test.csv", str(THREADS)],
            check=True, capture_output=True, text=True)
        prob = np.array([line.split(",")[1:] for line in done.stdout.splitlines()], dtype=float)
        return wall, cpu, prob


class Peer:
    def __init__(self, build, data):
        self.x, self.y, self.xt, self.yt = data
        self.classes = max(self.y.max(), self.yt.max()) + 1

    def run(self, trees, seed):
        model = self.make(trees, seed)
        start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        model.fit(self.x, self.y)
        wall, now = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        prob = np.zeros((len(self.xt), self.classes))
        prob[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(self.xt)
        return wall, cpu, prob


class ScikitLearn(Peer):
    name = "scikit-learn"

    def make(self, trees, seed):
        from sklearn.ensemble import RandomForestClassifier
        return RandomForestClassifier(trees, random_state=seed, n_jobs=THREADS)


class OneDal(Peer):
    name = "oneDAL"

    def make(self, trees, seed):
        from sklearnex.ensemble import RandomForestClassifier
        return RandomForestClassifier(trees, random_state=seed, n_jobs=THREADS)


class LightGbm(Peer):
    """Its forest mode, which bins to 255 values; leaves without limit, as the others."""
    name = "LightGBM (rf)"

    def make(self, trees, seed):
        from lightgbm import LGBMClassifier
        features = self.x.shape[1]
        return LGBMClassifier(
            boosting_type="rf", n_estimators=trees, random_state=seed, n_jobs=THREADS,
            subsample=0.632, subsample_freq=1, feature_fraction_bynode=features**0.5 // 1 / features,
            num_leaves=131072, min_child_samples=1, min_child_weight=0, verbose=-1)


def scores(y, prob):
    """macro-F1 of the classes that are there, log-loss clipped at 1e-6."""
    loss = -np.log(np.clip(prob[np.arange(len(y)), y], 1e-6, 1)).mean()
    return f1_score(y, prob.argmax(axis=1), average="macro", labels=np.unique(y)), loss
