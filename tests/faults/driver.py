"""Run `semscore`, and stop or kill it at a named point: python driver.py PLAN ARGUMENTS...

PLAN is JSON: {"point": "commit-before", "occurrence": 2, "signal": "SIGKILL"}, or {}. With
"elsewhere", the run treats all other runs as runs on another system, which count as dead after 2
seconds without a sign of life.
"""

import json
import os
import signal
import sys
import threading

from semscore.jobs import score
from semscore.jobs.cli.app import main
from semscore.jobs.dataset import blocks
from semscore.jobs.ledger import lease, ledger
from semscore.jobs.run import score_unit, table_output
from semscore.udfs.stores.local_folder import LocalFolder
from semscore.udfs.stores.s3_folder import S3Folder

PLAN = json.loads(sys.argv[1])
FOLDER = S3Folder if any(word.startswith("s3") for word in sys.argv) else LocalFolder
STEPS = {
    "lease": (lease.Lease, "__enter__"),
    "takeover": (ledger, "take_over"),
    "clear": (ledger, "clear_remains"),
    "begin": (ledger, "begin"),
    "reopen": (ledger, "reopen"),
    "stage": (score_unit, "stage"),
    "publish": (score_unit, "publish"),
    "copy": (FOLDER, "copy"),
    "commit": (ledger, "commit"),
    "discard": (score_unit, "discard_staging"),
    "audit": (score, "audit"),
    "table": (table_output, "commit_delta"),
    "manifest": (FOLDER, "copy", ledger.MANIFEST),
    "success": (FOLDER, "copy", ledger.SUCCESS),
    "finish": (ledger, "finish"),
}
POINTS = [f"{step}-{when}" for step in STEPS for when in ("before", "after")]

left = PLAN.get("occurrence", 1)
lock = threading.Lock()


def reached():
    global left
    with lock:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), getattr(signal, PLAN["signal"]))


def arm(step, when):
    place, name, *only = STEPS[step]
    function = getattr(place, name)

    def armed(*given, **named):
        counts = not only or only[0] in given
        if counts and when == "before":
            reached()
        result = function(*given, **named)
        if counts and when == "after":
            reached()
        return result

    setattr(place, name, armed)


if __name__ == "__main__":
    blocks.BLOCK_ROWS = 30  # many small ones
    if "point" in PLAN:
        arm(*PLAN["point"].split("-"))
    if PLAN.get("elsewhere"):
        lease._place = lambda: "another system"
        lease.UNKNOWN_S = 2.0
        lease.Lease.__init__.__defaults__ = (None, 2.0)
        lease.require_free.__defaults__ = (2.0,)
    sys.exit(main(sys.argv[2:]))
