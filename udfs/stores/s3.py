"""S3 through boto3, for what driver and workers do themselves. Data goes through Spark's S3A."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

SCHEME = re.compile("s3[an]?://", re.IGNORECASE)
ATTEMPTS = 8  # take about half a minute, with growing pauses
ATTEMPTS_AT_FIRST = 3  # a wrong endpoint should be reported within seconds


@dataclass(frozen=True)
class Access:
    """How to access a bucket. boto3 finds what is unset (environment, profile, role)."""

    endpoint: str | None = None
    region: str | None = None
    path_style: bool = False
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    timeout_s: float = 60.0  # without receiving a byte, after which a request has failed
    requester_pays: bool = False
    encryption: str | None = None  # AES256 or aws:kms; unset: the bucket's own
    kms_key: str | None = None

    @property
    def request(self) -> dict[str, str]:
        """Return the arguments of each request."""
        return {"RequestPayer": "requester"} if self.requester_pays else {}

    @property
    def writing(self) -> dict[str, str]:
        """Return the arguments of each request that creates an object."""
        extra = dict(self.request)
        if self.encryption:
            extra["ServerSideEncryption"] = self.encryption
        if self.kms_key:
            extra["SSEKMSKeyId"] = self.kms_key
        return extra


def is_s3(location: str) -> bool:
    """Return whether a location is an s3, s3a or s3n URL."""
    return SCHEME.match(location) is not None


def is_own(endpoint: str | None) -> bool:
    """Return whether an endpoint is not Amazon's.

    Other servers usually have no host name per bucket, so requests must name the bucket in the
    path.
    """
    return endpoint is not None and "amazonaws.com" not in endpoint


def split(location: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URL, the key without leading and trailing slashes.

    Raises ValueError if there is no bucket.
    """
    bucket, _, key = SCHEME.sub("", location, count=1).partition("/")
    if not bucket:
        raise ValueError(f"{location} does not name a bucket; expected s3://BUCKET/FOLDER")
    return bucket, key.strip("/")


def s3_client(access: Access, attempts: int = ATTEMPTS) -> Any:
    """Return a boto3 client, which threads can share. botocore retries, with growing pauses."""
    import boto3
    from botocore.config import Config
    from botocore.session import get_session

    core = get_session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
    # boto3.client() uses a shared session that is not thread-safe.
    return boto3.session.Session(botocore_session=core).client(
        "s3",
        endpoint_url=access.endpoint,
        region_name=access.region,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        aws_session_token=access.session_token,
        config=Config(
            connect_timeout=10,
            read_timeout=access.timeout_s,
            max_pool_connections=32,
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": "path"} if access.path_style else None,
            tcp_keepalive=True,
        ),
    )


def _time(text: Any) -> datetime:
    """Parse a time in an answer of S3.

    botocore guesses the format of each time, which makes the listing of many objects slow.
    """
    from botocore.utils import parse_timestamp

    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return cast("datetime", parse_timestamp(text))


def told(error: Exception, place: str) -> str:
    """Return a sentence that says what went wrong at an S3 URL."""
    from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

    if isinstance(error, NoCredentialsError):
        return (
            f"{place}: no AWS credentials were found; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, set AWS_PROFILE, or give the machine a role"
        )
    if isinstance(error, EndpointConnectionError):
        return f"{place}: {' '.join(str(error).split())}. Check the endpoint and the region"
    if not isinstance(error, ClientError):
        return f"{place}: {' '.join(str(error).split())}"
    code, operation = error_code(error), error.operation_name
    if code == "NoSuchBucket":
        return f"{place}: bucket {split(place)[0]!r} does not exist"
    if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"):
        why = error.response.get("Error", {}).get("Message") or code
        return f"{place}: AWS rejected the credentials ({code}: {why.rstrip('.')})"
    if code in ("AccessDenied", "AllAccessDisabled", "403"):
        return f"{place}: these AWS credentials are denied access ({operation})"
    return f"{place}: {' '.join(str(error).split())}"


def error_code(error: BaseException | None) -> str:
    """Return S3's code for an error, such as NoSuchKey, or the HTTP status.

    Empty if the error does not come from a response of S3.
    """
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
