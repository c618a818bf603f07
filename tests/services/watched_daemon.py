"""The worker daemon for tests: workers record what they do, and fail on demand.

Folder $WATCH holds `<pid>.jsonl`, one line an event: loads, and each forward pass with its task,
the address that Spark gave it, and the backend's device. A file `fault.json` there is obeyed:
{"kind": "lost", "address": "5"} or {"kind": "memory", "tokens": 300}.
"""

import json
import os
import time
from pathlib import Path

from pyspark import TaskContext
from pyspark.daemon import manager

from semscore.udfs.worker import daemon

WATCH = Path(os.environ["WATCH"])
PAUSE = float(os.environ.get("WATCH_PAUSE", "0.05"))  # extra seconds for each batch


def note(**event):
    context = TaskContext.get()
    event |= {
        "at": time.time(),
        "pid": os.getpid(),
        "address": context.resources()["gpu"].addresses[0],
        "attempt": context.taskAttemptId(),
    }
    with (WATCH / f"{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps(event) + "\n")


class Watched:
    """A backend that records its calls."""

    def __init__(self, backend):
        self.backend = backend

    def __getattr__(self, name):
        return getattr(self.backend, name)

    def forward(self, inputs, rows, prompt):
        tokens = int(self.backend.widths(inputs.lengths[rows]).max()) * len(rows)
        note(event="forward", texts=len(rows), tokens=tokens)
        fault = WATCH / "fault.json"
        told = json.loads(fault.read_text()) if fault.exists() else {"kind": "none"}
        if (
            told["kind"] == "lost"
            and told["address"] == TaskContext.get().resources()["gpu"].addresses[0]
        ):
            raise RuntimeError("CUDA error: uncorrectable ECC error encountered")
        if told["kind"] == "memory" and tokens > told["tokens"]:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        time.sleep(PAUSE)
        return self.backend.forward(inputs, rows, prompt)


def watch():
    from semscore.udfs.backends import registry as choose

    load = choose.load_backend

    def load_watched(*given):
        backend, reason = load(*given)
        note(event="load")
        return Watched(backend), reason

    choose.load_backend = load_watched


if __name__ == "__main__":
    daemon.preload()
    watch()
    manager()
