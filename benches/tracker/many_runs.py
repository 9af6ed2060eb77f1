"""Fills our server with many runs and measures what it then costs to look at them.

    python3 many_runs.py --binary target/release/footpath-server [--runs 100000]

Each run has 20 metrics and 20 parameters. Two processes log them through the native API, as two
programs would; then the first page of 100 runs is asked for, filtered and sorted, each question by
itself over one connection. Times are medians; memory is the server's, at its greatest while it was
filled and after the questions.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../crates/footpath-server/python"))
from servers import ours, served

WRITERS = 2
QUESTIONS = [
    ("metrics.`metric/3` > 0.5", "metrics.`metric/7` DESC"),
    ("metrics.`metric/3` > 0.5 AND params.`param/4` = '0.3'", "min(metrics.`metric/7`)"),
    ("params.`param/4` = '0.3' OR NOT metrics.`metric/1` < 0.9", "params.`param/2`"),
    ("metrics.`metric/3` > 2", "metrics.`metric/7`"),
    ("", "start_time DESC"),
    ("", "best(metrics.`metric/7`) DESC"),
]


class Client:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=600)

    def post(self, path, body):
        self.connection.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {content[:300]!r}")
        return json.loads(content)


def fill(url, writer, runs):
    client, noise = Client(url), random.Random(writer)
    for number in range(runs):
        run = f"{writer}-{number}"
        client.post("/api/v1/runs", {"project": "many", "experiment": "runs", "id": run, "start_ms": number})
        client.post(f"/api/v1/runs/{run}/append", {"writer": "w", "sequence": 1, "batch": {
            "params": [[f"param/{key}", f"{noise.random():.1f}"] for key in range(20)],
            "metrics": {f"metric/{key}": [[1, 1, noise.random()]] for key in range(20)},
            "state": {"status": "FINISHED", "end_ms": number + 1}}})


def resident_mb(process):
    with open(f"/proc/{process.pid}/statm") as memory:
        return int(memory.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--repetitions", type=int, default=11)
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="footpath-bench-") as folder:
        command = ours(os.path.abspath(options.binary), folder)
        with served(command, folder, "footpath") as (url, process):
            found["resident memory idle, MB"] = resident_mb(process)
            begun, most = time.perf_counter(), 0.0
            writers = [multiprocessing.Process(target=fill, args=(url, writer, options.runs // WRITERS)) for writer in range(WRITERS)]
            for writer in writers:
                writer.start()
            while any(writer.is_alive() for writer in writers):
                most = max(most, resident_mb(process))
                time.sleep(0.1)
            if any(writer.exitcode for writer in writers):
                sys.exit("a writer failed")
            found["runs a second, logged"] = options.runs / (time.perf_counter() - begun)
            found["resident memory while filled, MB"] = most
        # As one finds it the next morning: the store is opened anew.
        begun = time.perf_counter()
        with served(command, folder, "footpath") as (url, process):
            found["start with all runs, s"] = time.perf_counter() - begun
            client = Client(url)
            for condition, order in QUESTIONS:
                times = []
                for _ in range(options.repetitions):
                    begun = time.perf_counter()
                    page = client.post("/api/v1/runs/search", {"project": "many", "filter": condition, "order": [order], "limit": 100})
                    times.append((time.perf_counter() - begun) * 1e3)
                found[f"{condition or 'all'} by {order}, {len(page['runs'])} runs, ms"] = statistics.median(times)
                most = max(most, resident_mb(process))
            found["resident memory after the questions, MB"] = resident_mb(process)
    for name, value in found.items():
        print(f"{name:100} {value:10.2f}")
    print(json.dumps(found))


main()
