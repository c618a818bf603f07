"""Records of units as the ledger reads them, for tests in which nothing is scored."""

from __future__ import annotations

from typing import Any

from semscore.jobs.ledger.committed import UnitRecord


def unmeasured(**given: Any) -> UnitRecord:
    """Return a unit's record that has no measurements."""
    return UnitRecord(
        fingerprint="f",
        statuses={},
        started="",
        ended="",
        meters={},
        workers={},
        hist={},
        **given,
    )
