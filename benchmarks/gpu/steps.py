"""The steps of the benchmark: run one after another, each recorded, until the time is up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any


class Steps:
    """Steps that share an amount of time. The results are written after each of them."""

    def __init__(
        self, out: Path, seconds: float, clock: Callable[[], float] = perf_counter
    ) -> None:
        self._out, self._clock = out, clock
        self._end = clock() + seconds
        self.results: dict[str, Any] = {}

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return self._end - self._clock()

    def run(self, name: str, seconds: float, step: Callable[[], Any]) -> Any:
        """Run a step that takes about that many seconds, if there is time for it.

        Returns its result, or None if it was left out or failed, which is recorded instead.
        """
        found: Any
        result = None
        start = self._clock()
        if self.left < seconds:
            found = {"left_out": f"{self.left:.0f} s left, needs {seconds:.0f} s"}
        else:
            try:
                found = result = step()
            except NotInstalled as error:
                found = {"not_installed": str(error)}
            except Exception as error:  # a step must not end the others
                found = {"error": f"{type(error).__name__}: {error}"[:2000]}
        self.results[name] = found
        self._out.write_text(json.dumps(self.results, indent=1) + "\n", "utf-8")
        print(f"[{self._clock() - start:5.1f} s] {name}: {json.dumps(found)[:300]}", flush=True)
        return result


class NotInstalled(Exception):
    """A contender's package is missing. The message is its name."""
