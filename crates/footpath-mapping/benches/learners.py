"""LightGBM beside the second level's own learners, on the candidates that the bench `learners` wrote.

    pip install lightgbm==4.7.0 numpy==2.4.6
    python3 learners.py ROWS.csv

Five folds of tiles, one thread; options as in the second level's defaults and as in 2018.
"""

import sys
import time

import lightgbm
import numpy as np

OPTIONS = {
    "as ours": ({"learning_rate": 0.05, "num_leaves": 64, "max_depth": 6, "min_data_in_leaf": 100}, 500),
    "2018": ({"learning_rate": 0.01, "num_leaves": 500, "max_depth": 20, "min_data_in_leaf": 100}, 2000),
}


def main(path):
    rows = np.loadtxt(path, delimiter=",")
    tiles, features, target = rows[:, 0].astype(int), rows[:, 1:-1], rows[:, -1]
    fold = np.random.default_rng(0).permutation(tiles.max() + 1)[tiles] % 5
    for name, (options, trees) in OPTIONS.items():
        options = {"objective": "regression", "verbose": -1, "num_threads": 1, **options}
        start = time.perf_counter()
        told = np.zeros(len(target))
        for held in range(5):
            stop = (held + 1) % 5
            learn = (fold != held) & (fold != stop)
            data = lightgbm.Dataset(features[learn], target[learn])
            valid = lightgbm.Dataset(features[fold == stop], target[fold == stop], reference=data)
            model = lightgbm.train(
                options, data, trees, [valid], callbacks=[lightgbm.early_stopping(10, verbose=False)]
            )
            told[fold == held] = model.predict(features[fold == held])
        error = np.sqrt(np.mean((told - target) ** 2))
        print(f"{name}: {len(target)} candidates, {time.perf_counter() - start:.2f} s for 5 folds, error {error:.4f}")


if __name__ == "__main__":
    main(sys.argv[1])
