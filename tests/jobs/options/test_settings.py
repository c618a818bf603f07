"""Settings: what can be refused without looking at any file, and how names are read."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields, is_dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semscore.jobs.options import slices
from semscore.jobs.options import types as module
from semscore.jobs.options.name_lists import join_names, split_names
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import (
    Columns,
    Embeddings,
    Limits,
    Output,
    Rows,
    Spark,
    with_prompt,
)
from semscore.jobs.planner.plan_options import Ask
from semscore.jobs.processing_job.launch_options import Launch
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Engine, Recipe


def settings(**slices: Any) -> Settings:
    return Settings(**{"inputs": ("in",), "output": "out"} | slices)


def test_the_defaults_are_allowed() -> None:
    assert settings().columns.text1 == "text1"


@pytest.mark.parametrize(
    "places",
    [
        {"inputs": ()},
        {"output": ""},
        {"inputs": ("",)},
        {"inputs": ("in", "")},
    ],
)
def test_input_and_output_are_needed_and_an_empty_name_is_none(places: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="INPUT and OUTPUT are needed: semscore score INPUT"):
        settings(**places)


@pytest.mark.parametrize(
    ("slices", "says"),
    [
        (
            {"columns": Columns(score_column="x", status_column="x")},
            "--score-column and --status-column are both 'x'; choose different names",
        ),
        ({"rows": Rows(limit=0)}, "--limit must be at least 1, got 0"),
        ({"rows": Rows(limit=-5)}, "--limit must be at least 1, got -5"),
        ({"limits": Limits(max_error_rate=2)}, "--max-error-rate must be 0 to 1, got 2"),
        ({"limits": Limits(max_error_rate=-0.1)}, "--max-error-rate must be 0 to 1, got -0.1"),
        ({"limits": Limits(max_error_rate=float("nan"))}, "--max-error-rate must be .* got nan"),
        ({"spark": Spark(conf=("a=b", "spark.x"))}, "--conf takes key=value, got 'spark.x'"),
        ({"spark": Spark(conf=("=b",))}, "--conf takes key=value, got '=b'"),
        ({"target": Output(target_file_size=0)}, "--target-file-size must be more than 0"),
        (
            {"target": Output(mode="overwrite")},
            "--mode overwrite deletes the dataset in out; add --yes to confirm",
        ),
    ],
)
def test_values_that_cannot_be_are_refused(slices: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        settings(**slices)


def test_the_bounds_themselves_are_allowed() -> None:
    settings(rows=Rows(limit=1), limits=Limits(max_error_rate=1.0))
    settings(target=Output(mode="overwrite", yes=True))


def test_spark_settings_are_split_at_the_first_equals_sign() -> None:
    spark = Spark(conf=("spark.a=1", "spark.b=x=y", "spark.c=", "spark.a=2"))
    assert spark.pairs == {"spark.a": "2", "spark.b": "x=y", "spark.c": ""}


@pytest.mark.parametrize(
    ("tokens", "names"),
    [
        (["a,b"], ("a", "b")),
        ([" a , b "], ("a", "b")),
        (["a", "b,c"], ("a", "b", "c")),
        (["a b"], ("a b",)),
        ([",,"], ()),
        ([""], ()),
        (['"Price, EUR",id'], ("Price, EUR", "id")),
        (['id, "Region "'], ("id", "Region ")),
        (['"a ""b"""'], ('a "b"',)),
        (['a"b', '"c"d'], ('a"b', '"c"d')),
        (['""'], ("",)),
    ],
)
def test_names_are_split_at_commas_as_in_csv(tokens: list[str], names: tuple[str, ...]) -> None:
    assert module._names(None, [SimpleNamespace(value=token) for token in tokens]) == names


@pytest.mark.parametrize(
    ("token", "names"),
    [
        ("Region ", ("Region ",)),
        (" a, b ,c ", (" a", "b", "c ")),
        ('" a"', (" a",)),
        (" ", ()),
    ],
)
def test_blanks_at_the_ends_belong_to_a_column_s_name(token: str, names: tuple[str, ...]) -> None:
    assert module._column_names(None, [SimpleNamespace(value=token)]) == names


@given(names=st.lists(st.text('ab, "\n', max_size=5)).map(tuple))
def test_joined_names_are_split_again(names: tuple[str, ...]) -> None:
    assert split_names(join_names(names)) == names


def test_the_options_that_take_lists_are_known() -> None:
    found = {
        field.name.replace("_", "-")
        for options in (Columns, Embeddings, Output, Launch, Ask, Recipe, Engine)
        for field in fields(options)
        if re.match(r"(Annotated\[)?(Column)?Names\b", str(field.type))
    }
    assert found == module.LISTS


def test_a_prompt_is_for_both_texts_unless_they_have_their_own() -> None:
    assert with_prompt(Recipe(), None) == Recipe()
    assert with_prompt(Recipe(), "p") == Recipe(prompt1="p", prompt2="p")
    assert with_prompt(Recipe(prompt2="q"), "p") == Recipe(prompt1="p", prompt2="q")
    assert with_prompt(Recipe(prompt1=""), "p") == Recipe(prompt1="", prompt2="p")


def test_settings_are_frozen_through_and_through() -> None:
    whole = settings()
    for field in fields(whole):
        with pytest.raises(FrozenInstanceError):
            setattr(whole, field.name, None)
        value = getattr(whole, field.name)
        if is_dataclass(value):
            with pytest.raises(FrozenInstanceError):
                setattr(value, fields(value)[0].name, None)


def test_every_option_group_of_the_help_is_in_the_order() -> None:
    assert list(slices.GROUPS) == list(slices.ORDER)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ("1", 1),
        ("256MB", 256_000_000),
        ("256 mb", 256_000_000),
        ("1.5GB", 1_500_000_000),
        ("128MiB", 2**27),
        ("1k", 1000),
        ("2TiB", 2**41),
    ],
)
def test_sizes_are_read_with_their_units(given: str, size: int) -> None:
    assert module._bytes(None, [SimpleNamespace(value=given)]) == size


@pytest.mark.parametrize("given", ["", "lots", "-1", "1XB", "MB", "1e3"])
def test_what_is_no_size_is_refused(given: str) -> None:
    with pytest.raises(
        UserError, match=r"^--target-file-size must be a size such as 256MB, got '.*'$"
    ):
        module._bytes(None, [SimpleNamespace(value=given)])
