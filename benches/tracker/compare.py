"""Measures a real MLflow server on SQLite and ours on the same machine, in one run.

    python3 compare.py --binary target/release/footpath-server [--reference PYTHON] [--quick]

Both are asked the same by the same plain HTTP client over one connection. What is timed is from the
question, ready as bytes, to the last byte of the answer: reading JSON is the client's own cost, and is
done outside. Times are medians of the repetitions; each server works on a fresh folder.
`--reference` is an interpreter with `pip install mlflow==3.17.2`. Prints a table and JSON.
"""

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../crates/footpath-server/python"))
from servers import ours, reference, served


class Client:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=600)

    def ask(self, method, path, data=None):
        self.connection.request(method, f"/api/2.0/mlflow/{path}", data, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            sys.exit(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def post(self, path, body):
        return json.loads(self.ask("POST", path, json.dumps(body).encode()))

    def timed(self, method, path, bodies):
        """The median time that asking with each body takes, in seconds, and the last answer."""
        times, bodies = [], [body if body is None else json.dumps(body).encode() for body in bodies]
        for body in bodies:
            begun = time.perf_counter()
            content = self.ask(method, path, body)
            times.append(time.perf_counter() - begun)
        return statistics.median(times), json.loads(content)


def noisy(number):
    """A value between 0 and 1 whose bits look random, the same in every run."""
    return ((number * 2654435761 + 12345) % 4294967291) / 4294967291


def run_of(client, experiment, tags=()):
    return client.post("runs/create", {"experiment_id": experiment, "start_time": 1_700_000_000_000, "tags": list(tags)})["run"]["info"]["run_id"]


def points(first, count, key="loss"):
    return [{"key": key, "value": noisy(step), "timestamp": 1_700_000_000_000 + step * 37, "step": step}
            for step in range(first, first + count)]


def resident_mb(process):
    """The resident memory of a server's process group, in MB."""
    total = 0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/statm") as memory:
                if int(stat.read().rsplit(")", 1)[1].split()[2]) == process.pid:
                    total += int(memory.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total / 1e6


def measure(command, folder, name, quick):
    result = {}
    begun = time.perf_counter()
    with served(command, folder, name) as (url, process):
        result["start, s"] = time.perf_counter() - begun
        result["resident memory idle, MB"] = resident_mb(process)
        client = Client(url)
        experiment = client.post("experiments/create", {"name": "bench"})["experiment_id"]
        run = run_of(client, experiment)
        client.post("runs/log-batch", {"run_id": run, "metrics": points(0, 1000, "warm")})
        batches = [{"run_id": run, "metrics": points(n * 1000, 1000)} for n in range(5 if quick else 20)]
        result["log_batch of 1,000 points, ms"] = client.timed("POST", "runs/log-batch", batches)[0] * 1e3
        singles = [{"run_id": run, "key": "single", "value": noisy(n), "timestamp": 1_700_000_000_000 + n, "step": n}
                   for n in range(20 if quick else 100)]
        result["log_metric, ms"] = client.timed("POST", "runs/log-metric", singles)[0] * 1e3
        long = run_of(client, experiment)
        for block in range(20):
            client.post("runs/log-batch", {"run_id": long, "metrics": points(block * 1000, 1000)})

        asked = urllib.parse.urlencode({"run_id": long, "metric_key": "loss", "max_results": 25000})
        median, found = client.timed("GET", f"metrics/get-history?{asked}", [None] * (3 if quick else 7))
        assert len(found["metrics"]) == 20000
        result["history of 20,000 points, ms"] = median * 1e3
        wide = client.post("experiments/create", {"name": "wide"})["experiment_id"]
        for number in range(300):
            one = run_of(client, wide)
            client.post("runs/log-batch", {
                "run_id": one,
                "metrics": [{"key": f"m{k}", "value": noisy(number * 100 + k), "timestamp": 1, "step": 1} for k in range(100)],
                "params": [{"key": f"p{k}", "value": str(number * k)} for k in range(100)],
                "tags": [{"key": f"t{k}", "value": "x"} for k in range(20)]})

        asked = {"experiment_ids": [wide], "max_results": 300, "order_by": ["metrics.m7 DESC"],
                 "filter": "metrics.m3 >= 0 AND params.p1 != 'x'"}
        median, found = client.timed("POST", "runs/search", [asked] * (3 if quick else 7))
        assert len(found["runs"]) == 300 and len(found["runs"][0]["data"]["metrics"]) == 100
        result["search over 300 wide runs, ms"] = median * 1e3
        result["resident memory after, MB"] = resident_mb(process)
    return result


def stored_bytes(folder):
    """What the stores of a folder hold on the disk, logs of what the server said left out."""
    files = (os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(os.path.getsize(path) for path in files if not path.endswith(".log"))


def bytes_a_point(command, folder, name, count):
    """What a noisy point of a finished run takes on the disk once the server has ended."""
    sizes = []
    for blocks in (1, count // 1000):
        with served(command, folder, name) as (url, _):
            client = Client(url)
            run = run_of(client, "0")
            for block in range(blocks):
                client.post("runs/log-batch", {"run_id": run, "metrics": points(block * 1000, 1000)})
            client.post("runs/update", {"run_id": run, "status": "FINISHED", "end_time": 1_800_000_000_000})
        sizes.append(stored_bytes(folder))
    return (sizes[1] - sizes[0]) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--reference", default=sys.executable)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footpath-bench-") as folder:
        theirs = measure(reference(options.reference, folder), folder, "mlflow", options.quick)
        mine = measure(ours(os.path.abspath(options.binary), folder), folder, "footpath", options.quick)
    # Folders of their own, with nothing but these points.
    count = 20_000 if options.quick else 100_000
    for result, name, command in ((theirs, "mlflow", lambda at: reference(options.reference, at)),
                                  (mine, "footpath", lambda at: ours(os.path.abspath(options.binary), at))):
        with tempfile.TemporaryDirectory(prefix="footpath-bench-") as folder:
            result["bytes a noisy point"] = bytes_a_point(command(folder), folder, name, count)
    print(f"{'':34} {'MLflow':>10} {'footpath':>10} {'ratio':>7}")
    for name, value in theirs.items():
        print(f"{name:34} {value:10.2f} {mine[name]:10.2f} {value / mine[name]:7.1f}")
    print(json.dumps({"mlflow": theirs, "footpath": mine}))


main()
