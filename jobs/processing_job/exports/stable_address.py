"""Addresses on S3 that depend on the content of a job's files, so that it never changes."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.stores.s3 import is_s3

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from sagemaker.core.helper.session_helper import Session

DIGITS = 12  # of the hash, in the address

log = logging.getLogger("semscore")


def content_name(base: str, arguments: dict[str, Any]) -> str:
    """Return a name that depends on the content of all files that a job submits.

    `arguments`: of PySparkProcessor.run. The SDK uploads the files below the job's name. A model on
    S3 counts by its address, because it is not copied.
    """
    total = hashlib.sha256()

    def add(what: str, content: bytes) -> None:
        total.update(f"{what}\0{hashlib.sha256(content).hexdigest()}\n".encode())

    files = [arguments["submit_app"], *arguments["submit_py_files"]]
    for file in map(Path, [*files, *(arguments["submit_files"] or ())]):
        add(file.name, file.read_bytes())
    add("configuration", json.dumps(arguments["configuration"]).encode())
    for channel in arguments["inputs"] or ():
        source = channel.s3_input.s3_uri
        content = source if is_s3(source) else content_sha256(Path(source))
        add(channel.input_name, content.encode())
    return f"{base}-{total.hexdigest()[:DIGITS]}"


@contextmanager
def without_creating(session: Session) -> Iterator[None]:
    """Within this, CreateProcessingJob is answered here. Uploads take place as usual."""

    from semscore.jobs.processing_job.rehearsal import created

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return created(str(request.url))

    events = session.sagemaker_client.meta.events
    event = "before-send.sagemaker.CreateProcessingJob"
    events.register(event, answer)
    try:
        yield
    finally:
        events.unregister(event, answer)


def log_addresses(request: dict[str, Any], uploaded: bool) -> None:
    """Log where the job's files are, or would be."""
    for channel in request["ProcessingInputs"]:
        state = "is at" if uploaded else "would be uploaded to"
        log.info("%s %s %s", channel["InputName"], state, channel["S3Input"]["S3Uri"])
