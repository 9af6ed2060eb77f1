"""Makes model.txt and answers.json: a small LightGBM regression and its answers.

    pip install lightgbm==4.7.0 numpy
    python3 make.py

With --check it reads a model that our own writer wrote (path as argument) and prints its answers.
"""

import json
import sys
from pathlib import Path

import lightgbm
import numpy

FEATURES = [
    "threshold",
    "area_px",
    "mean_probability",
    "max_probability",
    "aspect_ratio",
    "box_area_px",
    "box_fill",
    "least_border_distance_px",
    "greatest_border_distance_px",
    "contour_px",
]


def make():
    here = Path(__file__).parent
    random = numpy.random.default_rng(1)
    rows = random.random((400, len(FEATURES))) * [1, 400, 1, 1, 2, 600, 1, 50, 80, 90]
    target = rows[:, 2] * rows[:, 6] + 0.001 * rows[:, 1] + 0.05 * random.random(400)
    data = lightgbm.Dataset(rows, target, feature_name=FEATURES)
    options = {"num_leaves": 6, "learning_rate": 0.3, "verbose": -1, "num_threads": 1, "seed": 1}
    model = lightgbm.train(options, data, num_boost_round=5)
    model.save_model(here / "model.txt")
    probes = random.random((30, len(FEATURES))) * [1, 400, 1, 1, 2, 600, 1, 50, 80, 90]
    answers = [[row.tolist(), float(answer)] for row, answer in zip(probes, model.predict(probes))]
    (here / "answers.json").write_text(json.dumps(answers))


def check(path):
    model = lightgbm.Booster(model_file=path)
    print(model.predict(numpy.zeros((1, len(FEATURES)))), model.num_trees())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        check(sys.argv[2])
    else:
        make()
