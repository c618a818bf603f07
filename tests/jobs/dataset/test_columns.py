"""Which columns come in and go out, and which names are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from semscore.jobs.dataset.columns import Layout, plan_columns
from semscore.jobs.dataset.footers import Footer
from semscore.jobs.dataset.source import Source
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Columns, Embeddings, Output
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Recipe


def source(partitions: Sequence[str] = (), **types: str) -> Source:
    types = {"text1": "string", "text2": "large_string"} | types
    return Source(
        files=(),
        counts={},
        first=("a.parquet", Footer(1, 1, types, (), {})),
        strings=frozenset(name for name, kind in types.items() if "string" in kind) | {*partitions},
        partition_columns=tuple(partitions),
        nanoseconds={},
        row_bytes={},
        skipped=(),
        ignored=(),
    )


def laid_out(
    given: Source, columns: Columns, partition_by: tuple[str, ...] = (), **others: Any
) -> Layout:
    target = Output(partition_by=partition_by)
    settings = Settings(inputs=("in",), output="out", columns=columns, target=target, **others)
    return plan_columns(given, settings)


def test_all_columns_are_kept_in_the_order_of_the_input() -> None:
    layout = laid_out(source(["k"], id="int64"), Columns(), ())
    assert layout.kept == ("text1", "text2", "id", "k")


def test_keep_names_columns_in_any_order_and_partition_columns_stay() -> None:
    layout = laid_out(source(["k"], id="int64"), Columns(keep=("id", "text1")), ())
    assert layout.kept == ("text1", "id", "k")
    assert layout.partition_by == ("k",)


def test_without_partitions_kept_columns_may_leave_the_input_s_partition_column_out() -> None:
    layout = laid_out(source(["k"]), Columns(keep=("text1",)), ("none",))
    assert (layout.kept, layout.partition_by) == (("text1",), ())


def test_a_new_partition_column_is_kept_even_if_not_named() -> None:
    layout = laid_out(source(id="int64"), Columns(keep=("text1",)), ("id",))
    assert layout.kept == ("text1", "id")


@pytest.mark.parametrize(
    ("partitions", "asked", "gives", "regroups"),
    [
        ((), (), (), False),
        (("k",), (), ("k",), False),
        (("k",), ("k",), ("k",), False),
        (("k",), ("none",), (), False),
        (("k", "m"), ("m", "k"), ("m", "k"), True),
        (("k", "m"), ("k",), ("k",), True),
        ((), ("text1",), ("text1",), True),
        ((), ("text1", "text1"), ("text1",), True),
        (("none",), ("none",), ("none",), False),
    ],
)
def test_the_layout_is_the_input_s_unless_asked_otherwise(
    partitions: tuple[str, ...], asked: tuple[str, ...], gives: tuple[str, ...], regroups: bool
) -> None:
    given = source(partitions)
    layout = laid_out(given, Columns(), asked)
    assert layout.partition_by == gives
    assert layout.regroups(given) is regroups


def test_a_partition_column_may_be_a_text_column() -> None:
    layout = laid_out(source(["k"]), Columns(text1="k"), ())
    assert layout.partition_by == ("k",)


@pytest.mark.parametrize(
    ("columns", "asked", "says"),
    [
        (
            Columns(text1="Text1"),
            (),
            r"column 'Text1' not found in INPUT \(did you mean 'text1'\?\); it has: text1, text2, "
            r"id, vec, k. Name it with --text1$",
        ),
        (Columns(text2="txt2"), (), r"'txt2' not .*did you mean 'text2'\?.* Name it with --text2$"),
        (Columns(text2="body"), (), r"'body' not found in INPUT; it has: text1"),
        (
            Columns(text1="id"),
            (),
            "column 'id' is int64, expected string. Cast it, or name another column with --text1$",
        ),
        (Columns(keep=("ID",)), (), r"'ID' not .*\(did you mean 'id'\?\).* Correct --keep$"),
        (Columns(), ("K",), r"'K' not .*\(did you mean 'k'\?\).* Correct --partition-by$"),
        (Columns(), ("none", "k"), "column 'none' not found"),
        (Columns(), ("vec",), "--partition-by vec: values of type list<element: float> cannot be"),
        (
            Columns(score_column="id"),
            (),
            "already has a column 'id'\\. .* --score-column, or .*--keep",
        ),
        (Columns(status_column="id"), (), "already has a column 'id'\\. .* --status-column"),
        (Columns(score_column="k", keep=("id",)), (), "already has a column 'k'"),
    ],
)
def test_names_that_do_not_fit_are_refused(
    columns: Columns, asked: tuple[str, ...], says: str
) -> None:
    given = source(["k"], id="int64", vec="list<element: float>")
    with pytest.raises(UserError, match=says):
        laid_out(given, columns, asked)


@pytest.mark.parametrize(
    "kind", ["large_list<item: int8>", "struct<a: int64>", "map<string, int64>"]
)
def test_nested_columns_are_no_folder_names(kind: str) -> None:
    with pytest.raises(UserError, match="cannot be folder names"):
        laid_out(source(x=kind), Columns(), ("x",))


def test_an_old_score_may_be_replaced_by_not_keeping_it() -> None:
    given = source(semanticScore="float", semanticStatus="string")
    layout = laid_out(given, Columns(keep=("text1", "text2")), ())
    assert layout.kept == ("text1", "text2")


def test_a_wide_input_is_not_listed_in_full() -> None:
    given = source(**{f"c{n}": "int64" for n in range(30)})
    with pytest.raises(UserError, match=r"c17 and 12 more\. Name it with --text1"):
        laid_out(given, Columns(text1="zzz"), ())


@pytest.mark.parametrize("option", ["--keep", "--partition-by"])
def test_a_piece_of_a_name_with_a_comma_is_explained(option: str) -> None:
    names = ("Price", "EUR")
    keep, partition_by = (names, ()) if option == "--keep" else ((), names)
    says = f"Put a name with a comma in double quotes: {option} '\"Price, EUR\"'$"
    with pytest.raises(UserError, match=says):
        laid_out(source(**{"Price, EUR": "double"}), Columns(keep=keep), partition_by)


def test_a_constant_takes_the_place_of_the_second_text() -> None:
    given = source(text2="int64")
    assert laid_out(given, Columns(text2_value="a cat")).kept == ("text1", "text2")
    for columns, says in (
        ({"text2": "x", "text2_value": "a"}, "--text2 x and --text2-value exclude each other"),
        ({"text2_value": " "}, "--text2-value is empty"),
        ({"text2_value": "a", "vector1": "v", "vector2": "w"}, "compared with texts, not with"),
        ({"vector1": "v"}, "--vector1 and --vector2 go together"),
        ({"text1": "a", "vector1": "v", "vector2": "w"}, "so --text1 and --text2 cannot be used"),
    ):
        with pytest.raises(UserError, match=says):
            Columns(**columns)


def test_vectors_must_be_lists() -> None:
    given = source(v="list<element: float>", w="fixed_size_list<item: float>[3]", n="int64")
    assert laid_out(given, Columns(vector1="v", vector2="w")).kept == (*("text1", "text2"), *"vwn")
    with pytest.raises(UserError, match=r"'n' is int64, expected a list of numbers. .* --vector2"):
        laid_out(given, Columns(vector1="v", vector2="n"))
    for kind in ("list<item: string>", "list<item: list<item: float>>", "struct<a: float>"):
        with pytest.raises(UserError, match=f"'n' is {kind}, expected a list of numbers"):
            laid_out(source(v="list<item: double>", n=kind), Columns(vector1="v", vector2="n"))


def test_embeddings_add_two_columns_for_each_text() -> None:
    texts = Embeddings(text=("text1", "text2"))
    assert laid_out(source(), Columns(), embeddings=texts).kept == ("text1", "text2")
    taken = source(text2Status="string")
    with pytest.raises(UserError, match=r"'text2Status'. Leave the old one out by listing the oth"):
        laid_out(taken, Columns(), embeddings=texts)
    laid_out(taken, Columns(keep=("text1",)), embeddings=texts)
    with pytest.raises(UserError, match=r"column 'title' not found in INPUT.*Name it with --text$"):
        laid_out(source(), Columns(), embeddings=Embeddings(text=("title",)))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"columns": Columns(text1="a")}, "--text embeds texts, so columns of pairs cannot be"),
        ({"recipe": Recipe(metric="dot")}, "--metric is for pairs of texts, and --text embeds"),
        ({"recipe": Recipe(prompt2="a")}, "--prompt2 is for pairs of texts"),
        ({"recipe": Recipe(role2="query")}, "--role2 is for pairs of texts"),
    ],
)
def test_options_of_pairs_and_of_texts_are_not_mixed(options: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Settings(inputs=("in",), output="out", embeddings=Embeddings(text=("a",)), **options)


def test_a_prompt_for_both_texts_and_a_role_are_those_of_each_text() -> None:
    def recipe(role: str | None = None, **options: Any) -> Recipe:
        texts = Embeddings(text=("a",), text_role=role)
        asked = Recipe(**options)
        return Settings(inputs=("in",), output="out", embeddings=texts, recipe=asked).recipe

    assert recipe(prompt1="q: ", prompt2="q: ") == Recipe(prompt1="q: ")
    assert recipe(role="query") == recipe(role1="query") == Recipe(role1="query")
    with pytest.raises(UserError, match="--text-role query and --role1 document contradict"):
        recipe(role="query", role1="document")
    with pytest.raises(UserError, match="--text-role query and --prompt 'q: ' exclude each other"):
        recipe(role="query", prompt1="q: ")
    with pytest.raises(UserError, match="need --text"):
        Embeddings(normalize=True)
    with pytest.raises(UserError, match="names a column twice: a, a"):
        Embeddings(text=("a", "a"))


def test_stored_vectors_have_no_options_of_a_model() -> None:
    columns = Columns(vector1="a", vector2="b")
    Settings(inputs=("in",), output="out", columns=columns, recipe=Recipe(metric="dot"))
    for recipe in (Recipe(model="m"), Recipe(precision="bfloat16"), Recipe(prompt1="q: ")):
        with pytest.raises(UserError, match="so options for models cannot be used with them"):
            Settings(inputs=("in",), output="out", columns=columns, recipe=recipe)
