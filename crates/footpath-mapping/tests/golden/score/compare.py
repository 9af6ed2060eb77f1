"""Compares `footpath score` with pycocotools on a real data set, to 1e-9.

    pip install pycocotools==2.0.11 numpy==2.4.6
    python3 compare.py DIR/val/annotation.json
    python3 compare.py DIR/val/annotation.json --command "cargo run --example score --"

Makes results by perturbing the truth (perturb.py), in all forms, scores them both ways and ends
with an error where a number differs. --command is called with TRUTH RESULTS --json OUT.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from perturb import perturb
from pycocotools.coco import COCO
from reference import metrics, quiet, versions

TOLERANCE = 1e-9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--command", default="footpath score")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()

    truth = quiet(COCO, str(arguments.truth))
    print("versions:", versions())
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for form in ("challenge", "masks", "polygons", "empty"):
            results = [] if form == "empty" else perturb(truth, arguments.seed, form)
            predictions, out = Path(folder, f"{form}.json"), Path(folder, f"{form}.out.json")
            predictions.write_text(json.dumps(results))
            command = [*shlex.split(arguments.command), str(arguments.truth), str(predictions), "--json", str(out)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            ours, theirs = json.loads(out.read_text()), metrics(truth, results)
            for key, value in theirs.items():
                difference = abs(ours[key] - value)
                equal = difference <= TOLERANCE
                wrong += not equal
                print(f"{form:10} {key:11} {value:.12f} {'equal' if equal else f'DIFFERS: {ours[key]:.12f}'}")
    if wrong:
        sys.exit(f"{wrong} numbers differ by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
