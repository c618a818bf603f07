"""S3A's settings: those that this process would use itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Spark
from semscore.jobs.spark.s3a import s3a_settings
from semscore.udfs.errors import UserError

PROFILE = """
[profile team]
region = eu-north-1
endpoint_url = http://store.example:9000
"""
KEYS = """
[team]
aws_access_key_id = id-of-team
aws_secret_access_key = secret-of-team
aws_session_token = token-of-team
"""


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the settings of the user who runs the tests."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, content in (("AWS_CONFIG_FILE", PROFILE), ("AWS_SHARED_CREDENTIALS_FILE", KEYS)):
        (tmp_path / name).write_text(content)
        monkeypatch.setenv(name, str(tmp_path / name))


def told(*conf: str, output: str = "s3://b/out") -> dict[str, str]:
    pairs = tuple(f"spark.hadoop.fs.s3a.{setting}" for setting in conf)
    settings = Settings(inputs=("in",), output=output, spark=Spark(conf=pairs))
    found = s3a_settings((*settings.inputs, settings.output), settings.spark.pairs, None)
    return {key.removeprefix("fs.s3a."): value for key, value in found.items()}


def test_without_s3_there_is_nothing_to_tell() -> None:
    assert told(output="out") == {}


def test_the_file_has_defaults_and_the_command_line_wins() -> None:
    assert told()["connection.maximum"] == "500"
    assert told("connection.maximum=7")["connection.maximum"] == "7"
    assert told()["mapreduce.fileoutputcommitter.algorithm.version"] == "2"
    assert not {"endpoint", "path.style.access", "access.key"} & told().keys()


def test_variables_that_s3a_reads_itself_are_not_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:8333")
    found = told()
    assert (found["endpoint"], found["path.style.access"]) == ("http://127.0.0.1:8333", "true")
    assert "access.key" not in found


def test_a_profile_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "team")
    found = told()
    assert found["endpoint"] == "http://store.example:9000"
    assert found["endpoint.region"] == "eu-north-1"
    assert found["access.key"] == "id-of-team"
    assert found["session.token"] == "token-of-team"
    assert "access.key" not in told("aws.credentials.provider=some.Class")
    assert told("access.key=mine", "secret.key=s")["access.key"] == "mine"


def test_another_server_than_amazon_s_has_no_host_for_each_bucket() -> None:
    assert told("endpoint=http://minio.example:9000")["path.style.access"] == "true"
    assert told("endpoint=http://m.example", "path.style.access=false")["path.style.access"] == (
        "false"
    )
    assert "path.style.access" not in told("endpoint=https://s3.eu-north-1.amazonaws.com")


def test_a_profile_that_is_not_there_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UserError, match=r"AWS settings: .*\(nobody\) could not be found"):
        told()
