"""Starts and ends the two servers that are compared."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def served(command, folder, name):
    """Runs a server in its own process group until the block ends; gives its address and process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with open(os.path.join(folder, f"{name}.log"), "w") as log:
        environment = dict(os.environ, MLFLOW_DISABLE_TELEMETRY="true")
        process = subprocess.Popen([part.replace("{port}", str(port)) for part in command], stdout=log,
                                   stderr=subprocess.STDOUT, cwd=folder, env=environment, start_new_session=True)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2).read()
                break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit(f"the {name} server did not start: see {folder}/{name}.log")
                time.sleep(0.01)
        yield url, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def reference(python, folder):
    """The command of a real MLflow server on SQLite."""
    return [python, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination", f"{folder}/mlflow-artifacts", "--host", "127.0.0.1", "--port", "{port}",
            "--workers", "1"]


def ours(binary, folder):
    """The command of the server under test."""
    return [binary, "--listen", "127.0.0.1:{port}", "--store", f"{folder}/store", "--artifacts", f"{folder}/artifacts"]
