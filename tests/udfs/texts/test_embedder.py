"""Columns of texts to embeddings and statuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentence_transformers.util import quantize_embeddings

from semscore.udfs.errors import ModelError, RecipeError
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Prompt
from semscore.udfs.texts import embedder as module
from semscore.udfs.texts.embedder import Embedder
from semscore.udfs.vector_format import VectorFormat, ranges_of

MakeEncoder = Callable[..., Any]
EMPTY = Prompt("")

some_text = st.sampled_from(["a", "b", "ab", "poison", "zero", "nan", "long, too long", None, " "])


def series(texts: Sequence[Any]) -> pd.Series[Any]:
    return pd.Series(list(texts), dtype=object)


def embedded(
    encoder: Any, *columns: Sequence[Any], vectors: VectorFormat | None = None
) -> tuple[pd.DataFrame, Meters]:
    work, meters = Embedder(encoder, vectors or VectorFormat(), EMPTY), Meters()
    window = tuple(map(series, columns))
    frames = list(work.frames(work.prepare(window, meters), meters))
    return pd.concat(frames, ignore_index=True), meters


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(some_text, some_text), min_size=1, max_size=30),
    vector_bytes=st.integers(1, 400),
    frame_bytes=st.integers(1, 100),
)
def test_each_text_is_embedded_as_if_it_were_alone(
    make_encoder: MakeEncoder, rows: list[tuple[Any, Any]], vector_bytes: int, frame_bytes: int
) -> None:
    encoder = make_encoder(poison=("poison",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "VECTOR_BYTES", vector_bytes)
        patch.setattr(module, "FRAME_BYTES", frame_bytes)
        found, meters = embedded(encoder, *zip(*rows, strict=True))
    assert len(found) == meters.rows == len(rows)
    assert meters.statuses.total() == 2 * len(rows)
    for row, texts in enumerate(rows):
        for side, text in enumerate(texts):
            status, vector = found.loc[row, f"status{side}"], found.loc[row, f"embedding{side}"]
            if text is None or not text.strip():
                expected = "null" if text is None else "blank"
            elif any(word in text for word in ("poison", "zero", "nan")):
                expected = "error"
            else:
                expected = "truncated" if len(text) > encoder.backend.limit else "ok"
                read = text[: encoder.backend.limit]
                assert vector.tolist() == encoder.backend.vector(read)
            assert status == expected
            assert (vector is None) == (expected not in ("ok", "truncated"))


def test_a_text_is_embedded_once_for_all_columns(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(default_prompt="")
    _, meters = embedded(encoder, ["a", "bb", None], ["bb", "a", "a"])
    assert sorted(text for batch in encoder.backend.batches for text in batch) == ["a", "bb"]
    assert (meters.texts, meters.distinct_texts, meters.rows) == (5, 2, 3)


@pytest.mark.parametrize("kind", ["cross-encoder", "late-interaction"])
def test_another_kind_of_model_embeds_no_texts(make_encoder: MakeEncoder, kind: str) -> None:
    with pytest.raises(ModelError, match=f"a {kind} model does not give each text one vector"):
        Embedder(make_encoder(kind=kind), VectorFormat())


def test_more_dimensions_than_there_are_are_refused(make_encoder: MakeEncoder) -> None:
    Embedder(make_encoder(), VectorFormat(), truncate_dim=3)
    with pytest.raises(ModelError, match=r"Recipe\.truncate_dim 4 is more than the model has: 3"):
        Embedder(make_encoder(), VectorFormat(), truncate_dim=4)


def test_ranges_of_other_vectors_are_refused(make_encoder: MakeEncoder) -> None:
    ranges = ranges_of(np.ones((1, 4), np.float32))
    with pytest.raises(ModelError, match="the ranges have 4 dimensions, but the vectors have 3"):
        Embedder(make_encoder(), VectorFormat(embedding_type="int8", ranges=ranges))


# -- formats ---------------------------------------------------------------------------------------


@pytest.fixture
def vectors() -> Any:
    return np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32)


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_formats_are_those_of_sentence_transformers(vectors: Any, precision: Any) -> None:
    ranges = ranges_of(vectors)
    theirs = quantize_embeddings(vectors, precision, ranges=np.array(ranges, np.float32))
    found = VectorFormat(embedding_type=precision, ranges=ranges).applied(vectors)
    assert found.dtype == (np.int16 if precision[0] == "u" else np.int8)
    np.testing.assert_array_equal(found, theirs)


def test_a_value_beyond_the_ranges_becomes_the_nearest_inside(vectors: Any) -> None:
    ranges = ranges_of(vectors)
    for kind, edges in (("int8", (-128, 127)), ("uint8", (0, 255))):
        form = VectorFormat(embedding_type=kind, ranges=ranges)  # type: ignore[arg-type]
        assert set(form.applied(vectors * 100 + 1e6).ravel().tolist()) == {edges[1]}
        assert set(form.applied(vectors * 100 - 1e6).ravel().tolist()) == {edges[0]}


def test_vectors_are_normalised_before_they_are_quantised(vectors: Any) -> None:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = VectorFormat(normalize=True).applied(vectors)
    np.testing.assert_allclose(found, unit, atol=1e-6)
    ranges = ranges_of(found)
    both = VectorFormat(normalize=True, embedding_type="int8", ranges=ranges).applied(vectors)
    alone = VectorFormat(embedding_type="int8", ranges=ranges).applied(found)
    np.testing.assert_array_equal(both, alone)
    assert VectorFormat(normalize=True).applied(np.zeros((1, 3), np.float32)).tolist() == [[0] * 3]


def test_a_dimension_without_range_is_no_division_by_zero() -> None:
    same = np.ones((3, 2), np.float32)
    form = VectorFormat(embedding_type="int8", ranges=ranges_of(same))
    assert form.applied(same).tolist() == [[-128, -128]] * 3


def test_what_a_format_lacks_is_told() -> None:
    with pytest.raises(RecipeError, match=r"int8 needs the ranges of values; get them with"):
        VectorFormat(embedding_type="int8").require_ranges()
    with pytest.raises(RecipeError, match=r"embedding_type must be one of float32, .* 'half'"):
        VectorFormat(embedding_type="half")  # type: ignore[arg-type]
