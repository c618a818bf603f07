"""The known scores of the services' pairs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.services import pairs


@pytest.mark.slow
def test_they_are_those_of_sentence_transformers() -> None:
    assert np.load(pairs.KNOWN) == pytest.approx(pairs.computed(), abs=1e-6)
