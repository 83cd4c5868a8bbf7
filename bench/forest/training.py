"""Training time beside the peers: the same rows, two threads, turn by turn, medians.

Usage: python training.py BUILD_DIR [TABLE...]     default: overlapping letter kdd99 FD001 FD003
Environment: RUNS (default 3), PEERS (names, comma between; default oneDAL,scikit-learn; also
LightGBM)

scikit-learn takes a minute on the larger tables; there it runs once. Prints one Markdown table."""
import os
import statistics
import sys

import forests
import tables

RUNS = int(os.environ.get("RUNS", "3"))
TREES = 100
PEERS = {"oneDAL": forests.OneDal, "scikit-learn": forests.ScikitLearn, "LightGBM": forests.LightGbm}


def main():
    build, *names = sys.argv[1:]
    print(f"Median of {RUNS} runs in turn, {TREES} trees, {forests.THREADS} threads.\n")
    print("| table | forest | wall (s) | times ours | processor (s) | times ours | macro-F1 "
          "| log-loss |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names or ["overlapping", "letter", "kdd99", "FD001", "FD003"]:
        data = tables.load(name)
        peers = os.environ.get("PEERS", "oneDAL,scikit-learn").split(",")
        who = [forests.Ours(build, data), *(PEERS[peer](build, data) for peer in peers)]
        found = {f.name: [] for f in who}
        for run in range(RUNS):
            for f in who:
                if f.name == "scikit-learn" and run > 0 and len(data[0]) > 100_000:
                    continue
                wall, cpu, prob = f.run(TREES, run)
                found[f.name].append((wall, cpu, *forests.scores(data[3], prob)))
        ours = [statistics.median(r[i] for r in found["autostream"]) for i in range(2)]
        for f, runs in found.items():
            wall, cpu, f1, loss = (statistics.median(column) for column in zip(*runs))
            print(f"| {name} {data[0].shape[0]:,} x {data[0].shape[1]} | {f} | {wall:.2f} | "
                  f"{wall / ours[0]:.1f} | {cpu:.2f} | {cpu / ours[1]:.1f} | {f1:.4f} | {loss:.4f} |", flush=True)


main()
