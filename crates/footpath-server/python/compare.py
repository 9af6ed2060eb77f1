"""Runs every call of a client against a real MLflow server and against ours, and compares the answers.

    python3 compare.py --binary target/debug/footpath-server --reference PYTHON --client PYTHON [--keep FOLDER]

`--reference` is the interpreter whose MLflow serves, `--client` the one whose MLflow calls. Differences that are
meant are listed in `meant.json` as {answer's name: why}; one that no longer differs is an error too.
"""

import argparse
import difflib
import json
import os
import subprocess
import sys
import tempfile

from servers import ours, reference, served

HERE = os.path.dirname(os.path.abspath(__file__))


def answers(command, client, folder, name):
    path = os.path.join(folder, f"{name}.json")
    with served(command, folder, name) as (url, _):
        subprocess.run([client, os.path.join(HERE, "scenario.py"), url, path], check=True, cwd=folder,
                       stdout=subprocess.DEVNULL, stderr=None)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def without_message(answer):
    """Refusals are compared by their code; messages are for people."""
    return {"refused": answer["refused"]} if isinstance(answer, dict) and "refused" in answer else answer


def shown(answer):
    return json.dumps(answer, indent=1, sort_keys=True, ensure_ascii=False).splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--reference", default=sys.executable)
    parser.add_argument("--client", default=sys.executable)
    parser.add_argument("--keep")
    options = parser.parse_args()
    folder = options.keep or tempfile.mkdtemp(prefix="footpath-mlflow-")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(HERE, "meant.json"), encoding="utf-8") as file:
        meant = json.load(file)
    expected = answers(reference(options.reference, folder), options.client, folder, "mlflow")
    found = answers(ours(os.path.abspath(options.binary), folder), options.client, folder, "footpath")
    if [name for name, _ in expected] != [name for name, _ in found]:
        sys.exit("the two scenarios did not make the same calls")
    wrong = 0
    for (name, theirs), (_, mine) in zip(expected, found):
        same = without_message(theirs) == without_message(mine)
        if same == (name in meant):
            wrong += 1
            print(f"== {name}: " + ("differs" if not same else "is listed in meant.json but does not differ"))
            if not same:
                print("\n".join(difflib.unified_diff(shown(theirs), shown(mine), "mlflow", "footpath", lineterm="", n=2)))
    version = subprocess.check_output([options.client, "-c", "import mlflow; print(mlflow.__version__)"], text=True).strip()
    print(f"mlflow {version}: {len(expected)} answers compared, {wrong} wrong, {len(meant)} differences meant")
    sys.exit(wrong > 0)


main()
