"""Which rows the table has, and which of them `--only` chooses."""

from __future__ import annotations

import pytest

from benchmarks.cells import CELLS, CORPORA, MODELS, find, keys
from benchmarks.contenders import BASELINE, is_ours, parts


def test_no_row_occurs_twice() -> None:
    every = list(keys())
    assert len(set(every)) == len(every)
    assert len(every) == sum(cell.rounds * len(cell.contenders) for cell in CELLS)


def test_every_cell_has_the_script_and_semscore_and_another_tool() -> None:
    for cell in CELLS:
        assert cell.model in MODELS
        assert cell.corpus in CORPORA
        assert BASELINE in cell.contenders
        assert {parts(name)[1] for name in cell.contenders if is_ours(name)} >= {
            "float32",
            "bfloat16",
            "int8",
        }
        assert len({parts(name)[0] for name in cell.contenders}) >= 3


def test_the_first_round_of_all_cells_comes_first() -> None:
    rounds = [key.round for key in keys()]
    assert rounds == sorted(rounds)


def test_the_order_rotates() -> None:
    first = [next(key for key in keys(["minilm", "en"]) if key.round == turn) for turn in range(3)]
    assert len({key.contender for key in first}) == 3


def test_rounds_are_at_most_those_asked_for() -> None:
    assert {key.round for key in keys(rounds=1)} == {0}


def test_only_combines_models_corpora_and_contenders() -> None:
    chosen = list(keys(["minilm", "en", "openvino", "semscore:int8"], rounds=1))
    assert {key.model for key in chosen} == {"minilm"}
    assert {key.corpus for key in chosen} == {"en"}
    assert {key.contender for key in chosen} == {
        "openvino",
        "openvino:bfloat16",
        "openvino:int8",
        "semscore:int8",
    }


def test_a_word_that_names_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="'opnvino' is not in the table; choose from: minilm, "):
        list(keys(["opnvino"]))


def test_a_key_leads_to_its_cell() -> None:
    for key in keys():
        assert key.contender in find(key).contenders
