"""Settings to words of the command, and back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st

from semscore.jobs.cli import app as cli
from semscore.jobs.hosts import inside_job as processing_job
from semscore.jobs.options.arguments import WORDS_FILE, option_words, unfolded, write_words
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import (
    Columns,
    Embeddings,
    Limits,
    Output,
    Report,
    Rows,
    Run,
)
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Engine, Recipe

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30
)
NAME = st.from_regex(r"[A-Za-z_][\w ]{0,9}\w", fullmatch=True)
COLUMN = NAME | st.text("aé, \"'@-=\t", min_size=1, max_size=6)
SETTINGS = st.builds(
    Settings,
    inputs=st.just(("s3://a/b",)),
    output=st.just("s3://c/d"),
    columns=st.builds(
        Columns,
        text1=COLUMN,
        text2_value=st.none() | NAME,
        keep=st.lists(COLUMN, max_size=3).map(tuple),
    ),
    rows=st.builds(
        Rows,
        where=st.none() | TEXT,
        limit=st.none() | st.integers(1, 10**9),
        bad_files=st.sampled_from(["fail", "skip"]),
    ),
    recipe=st.builds(
        Recipe,
        model=NAME,
        metric=st.sampled_from(["cosine", "dot"]),
        prompt1=st.none() | TEXT | st.just(""),
        precision=st.sampled_from(["auto", "float32", "bfloat16"]),
        truncate_dim=st.none() | st.integers(1, 999),
    ),
    engine=st.builds(Engine, device=st.sampled_from(["auto", "gpu"]), workers_per_gpu=st.just(2)),
    target=st.builds(
        Output,
        partition_by=st.lists(COLUMN, max_size=2).map(tuple),
        mode=st.sampled_from(["new", "resume", "overwrite"]),
        yes=st.just(True),
        target_file_size=st.integers(1, 10**12),
    ),
    limits=st.builds(Limits, max_error_rate=st.floats(0, 1), max_units=st.none() | st.just(7)),
    report=st.builds(Report, gold=NAME, gold_positive=st.floats(-9, 9))
    | st.builds(
        Report,
        gold=st.none() | NAME,
        price=st.none() | st.floats(0, 99),
        samples=st.booleans(),
        report=st.booleans(),
    ),
    run=st.builds(Run, debug=st.booleans(), preflight=st.booleans()),
)


def read_by(command: str, settings: Settings) -> list[Settings]:
    """Return the settings that a command reads from the words for these."""
    read: list[Settings] = []

    def score(found: Settings) -> Any:
        read.append(found)
        raise UserError("seen")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("semscore.jobs.score.score", score)
        assert cli.main([command, "s3://a/b", "s3://c/d", *option_words(settings)]) == 2
    return read


@given(settings=SETTINGS)
@few(max_examples=40)
def test_the_command_reads_the_words_as_the_same_settings(settings: Settings) -> None:
    assert read_by("score", settings) == [settings]


@pytest.mark.parametrize("prompt", [None, "", "a passage: "])
def test_embed_reads_the_words_as_the_same_settings(prompt: str | None) -> None:
    role = "document" if prompt is None else None
    texts = Embeddings(text=("a", "b, c"), text_role=role, normalize=True, embedding_type="int8")
    recipe = Recipe(model="m", prompt1=prompt, truncate_dim=7, precision="auto")
    settings = Settings(
        inputs=("s3://a/b",),
        output="s3://c/d",
        columns=Columns(keep=("id",)),
        embeddings=texts,
        recipe=recipe,
    )
    assert read_by("embed", settings) == [settings]


def test_a_role_given_as_that_of_the_first_text_is_the_role_of_the_texts() -> None:
    texts = Embeddings(text=("a",))
    settings = Settings(inputs=("a",), output="b", embeddings=texts, recipe=Recipe(role1="query"))
    assert "--text-role=query" in option_words(settings)


def test_defaults_need_no_words() -> None:
    settings = Settings(inputs=("a",), output="b", recipe=Recipe(precision="auto"))
    assert option_words(settings) == []


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inside of a processing job."""
    (tmp_path / "job.json").touch()
    monkeypatch.setattr(processing_job, "JOB", tmp_path / "job.json")


def test_words_travel_in_a_file(tmp_path: Path) -> None:
    words = ["s3://a", "--prompt1=two\nlines — 'ü'", "--debug"]
    write_words(words, tmp_path / "a.json")
    assert unfolded(["score", f"{WORDS_FILE}{tmp_path}/a.json", "--x"], in_job=True) == [
        *("score", *words, "--x")
    ]


@pytest.mark.usefixtures("job")
def test_a_file_that_is_not_there_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert cli.main(["score", f"{WORDS_FILE}/no/where.json"]) == 2
    assert "/no/where.json: the arguments of the job cannot be read" in caplog.text


def test_users_have_no_such_option(caplog: pytest.LogCaptureFixture) -> None:
    assert cli.main(["score", f"{WORDS_FILE}/no/where.json"]) == 2
    assert "Unknown option: --words-file=/no/where.json" in caplog.text


@pytest.mark.parametrize("inside", [False, True])
def test_a_word_that_begins_with_an_at_sign_is_a_word(inside: bool) -> None:
    words = ["score", "@logs", "@out", "--text1", "@message", "--keep=@timestamp,@message"]
    assert unfolded(words, inside) == words
    later = ["score", "in", f"{WORDS_FILE}x"]
    assert unfolded(later, inside) == later


def test_a_value_with_a_dash_in_front_is_explained(caplog: pytest.LogCaptureFixture) -> None:
    assert cli.main(["score", "in", "out", "--text1", "-x"]) == 2
    assert "--text1 requires an argument." in caplog.text
    assert "If a value begins with a dash, write it as --text1=-x" in caplog.text


def test_an_argument_that_is_not_utf_8_is_named_in_printable_form(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for argument in (b"r\xe9sum\xe9", b"--config=caf\xe9.toml", b"--prompt1=\xff"):
        assert cli.main(["score", os.fsdecode(argument), "out"]) == 2
        shown = argument.decode("ascii", "backslashreplace")
        assert f"the argument {shown} is not valid UTF-8" in caplog.text
