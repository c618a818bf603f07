"""S3 as driver and workers reach it themselves, by boto3; data goes by Spark's S3A."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

SCHEME = re.compile("s3[an]?://", re.IGNORECASE)
ATTEMPTS = 8  # about half a minute of them, with growing pauses
ATTEMPTS_AT_FIRST = 3  # a wrong endpoint is to be told within seconds


@dataclass(frozen=True)
class Access:
    """How a bucket is reached; unset: as boto3 finds it (environment, profile, role)."""

    endpoint: str | None = None
    region: str | None = None
    path_style: bool = False
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    timeout_s: float = 60.0  # without a byte, until a request counts as lost
    requester_pays: bool = False
    encryption: str | None = None  # AES256 or aws:kms; unset: the bucket's own
    kms_key: str | None = None

    @property
    def request(self) -> dict[str, str]:
        """What goes with each request for an object."""
        return {"RequestPayer": "requester"} if self.requester_pays else {}

    @property
    def writing(self) -> dict[str, str]:
        """What goes with each request that makes one."""
        extra = dict(self.request)
        if self.encryption:
            extra["ServerSideEncryption"] = self.encryption
        if self.kms_key:
            extra["SSEKMSKeyId"] = self.kms_key
        return extra


def is_s3(location: str) -> bool:
    """Whether a location is an s3, s3a or s3n URL."""
    return SCHEME.match(location) is not None


def is_own(endpoint: str | None) -> bool:
    """Whether an endpoint is that of another server than Amazon's: these have no host a bucket."""
    return endpoint is not None and "amazonaws.com" not in endpoint


def split(location: str) -> tuple[str, str]:
    """Bucket and key of an S3 URL, the key without slashes around it; ValueError: no bucket."""
    bucket, _, key = SCHEME.sub("", location, count=1).partition("/")
    if not bucket:
        raise ValueError(f"{location} names no bucket: s3://BUCKET/FOLDER")
    return bucket, key.strip("/")


def s3_client(access: Access, attempts: int = ATTEMPTS) -> Any:
    """A boto3 client; threads may share it. Retries are botocore's own, with growing pauses."""
    import boto3
    from botocore.config import Config

    # The session that boto3.client() shares is not for threads.
    return boto3.session.Session().client(
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


def told(error: Exception, place: str) -> str:
    """What went wrong at an S3 URL, in a sentence."""
    from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

    if isinstance(error, NoCredentialsError):
        return (
            f"{place}: no AWS credentials were found; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the machine a role"
        )
    if isinstance(error, EndpointConnectionError):
        return f"{place}: {' '.join(str(error).split())}. Is the endpoint or region right?"
    if not isinstance(error, ClientError):
        return f"{place}: {' '.join(str(error).split())}"
    code, operation = error_code(error), error.operation_name
    if code == "NoSuchBucket":
        return f"{place}: there is no bucket {split(place)[0]!r}"
    if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"):
        why = error.response.get("Error", {}).get("Message") or code
        return f"{place}: the AWS credentials are refused ({code}: {why.rstrip('.')})"
    if code in ("AccessDenied", "AllAccessDisabled", "403"):
        return f"{place}: access is denied to these AWS credentials ({operation})"
    return f"{place}: {' '.join(str(error).split())}"


def error_code(error: BaseException | None) -> str:
    """S3's code of an error, such as NoSuchKey, or the HTTP status; empty: not S3's answer."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
