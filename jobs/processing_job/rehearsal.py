"""Build the CreateProcessingJob request with the SDK's own code, without contacting AWS."""

from __future__ import annotations

import io
import json
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

ANYBODY = "000000000000"
IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
UPLOAD = b"<R><UploadId>0</UploadId></R>"
NO_BUCKETS = b"<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>"


class _Body(io.BytesIO):
    """A response body in the form that urllib3 returns."""

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()


class Rehearsal:
    """A boto3 session whose requests are answered here. Keeps the job's request."""

    def __init__(self, region: str, account: str = ANYBODY) -> None:
        self.request: dict[str, Any] | None = None  # of CreateProcessingJob
        self._account = account
        self.session = boto3.Session(
            aws_access_key_id="nobody", aws_secret_access_key="nothing", region_name=region
        )
        # service_limits.py checks more, and names the option.
        self.session._session.set_default_client_config(Config(parameter_validation=False))
        self.session.events.register("before-send", self._answer)

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url, content = str(request.url), b""
        target = request.headers.get("X-Amz-Target", b"")
        if target.endswith(b".CreateProcessingJob"):
            self.request = json.loads(request.body)
            return created(url)
        elif request.method == "POST" and url.endswith("?uploads"):
            content = UPLOAD
        elif "sts." in url:
            content = IDENTITY.format(self._account).encode()
        elif request.method == "GET":
            content = NO_BUCKETS
        return _response(url, content)


def created(url: str) -> AWSResponse:
    """Return an answer to CreateProcessingJob, for a job that is not created."""
    return _response(url, b'{"ProcessingJobArn": "arn:aws:sagemaker:rehearsed"}')


def _response(url: str, content: bytes) -> AWSResponse:
    return AWSResponse(url, 200, {"ETag": '"0"'}, _Body(content))
