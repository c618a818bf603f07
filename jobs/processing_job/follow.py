"""Follow a processing job: its state, the run's own progress, and why it failed."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.progress_line import told
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.s3 import error_code

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
POLL_S = 15.0
ENDED = ("Completed", "Failed", "Stopped")
SHOWN_LINES = 20
# Log lines to show: semscore's own messages, and errors without Java's stack frames.
TELLING = re.compile(r"semscore: |discover_gpus: |\bERROR\b|Error: |Killed|OutOfMemory|exit code")
NOISE = re.compile(r"^\s+at |^\s*\.\.\. \d+ more|Caused by: .*Py4J|Traceback")
MISSING = ("ResourceNotFoundException", "404", "NoSuchKey")

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Ended:
    """How a job ended."""

    state: str  # one of ENDED
    reason: str  # empty if it completed
    exit_code: int  # the run's own, as listed in docs/scoring.md

    @property
    def is_complete(self) -> bool:
        """Whether all rows are scored."""
        return self.state == "Completed"


def follow(
    client: Any,
    job: str,
    output: Folder | None,
    tell: Callable[[str], None] = log.info,
    poll_s: float = POLL_S,
) -> Ended:
    """Wait until the job has ended. Calls `tell` with a line for each change.

    `client`: boto3's client for SageMaker. `output`: where the run writes its progress; None if it
    cannot be read from here. Failed requests are tried again.
    """
    last = ""
    while True:
        try:
            described = client.describe_processing_job(ProcessingJobName=job)
        except BotoCoreError as error:
            log.warning("AWS cannot be reached; trying again: %s", " ".join(str(error).split()))
            time.sleep(poll_s)
            continue
        state = str(described["ProcessingJobStatus"])
        begun = described["CreationTime"]
        now = _progress_line(output, begun) if output and state == "InProgress" else None
        line = f"{job}: {_spaced(state)}{f'; {now}' if now else ''}"
        if line != last:
            tell(line)
            last = line
        if state in ENDED:
            return _ended(described, state)
        time.sleep(poll_s)


def last_words(client: Any, job: str, lines: int = SHOWN_LINES) -> list[str]:
    """Return the last log lines that show what went wrong, without Java's stack traces.

    `client`: boto3's client for CloudWatch Logs. The list is empty if there are no logs or the
    rights to read them are missing.
    """
    try:
        return [line for line in _log_lines(client, job) if _is_telling(line)][-lines:]
    except ClientError as error:
        if error_code(error) not in MISSING:
            log.warning("the job's logs cannot be read: %s", error)
        return []


def _log_lines(client: Any, job: str) -> Iterator[str]:
    """Yield lines from the logs of the job's instances that may be of interest, oldest first."""
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=LOG_GROUP,
        logStreamNamePrefix=f"{job}/",
        filterPattern="?semscore ?ERROR ?Error ?Killed ?OutOfMemory ?discover_gpus",
    )
    for page in pages:
        for event in page["events"]:
            yield from event["message"].splitlines()


def _is_telling(line: str) -> bool:
    return bool(TELLING.search(line)) and not NOISE.search(line)


def _progress_line(output: Folder, since: datetime) -> str | None:
    """Return progress.json as a line for users; None if this job has not written it yet."""
    try:
        facts = json.loads(output.read(ledger.PROGRESS) or b"null")
    except (OSError, ValueError):
        return None
    if facts is None or datetime.fromisoformat(facts["at"]) < since:
        return None
    return told(facts)


def _ended(described: dict[str, Any], state: str) -> Ended:
    if state == "Completed":
        return Ended(state, "", 0)
    said = str(described.get("ExitMessage") or described.get("FailureReason") or "").strip()
    codes = re.findall(r"exit code:? (\d+)", said) or re.findall(
        r"exit code:? (\d+)", str(described.get("FailureReason", ""))
    )
    code = int(codes[-1]) if codes else 1
    if state == "Stopped":
        return Ended(state, said or "the job was stopped", 75)
    return Ended(state, said or "SageMaker gives no reason", code)


def _spaced(state: str) -> str:
    """`InProgress` -> `in progress`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", state).lower()
