"""The model proved on the driver, by a process beside Spark's start, before OUTPUT begins.

What a worker would trip over is then a user's mistake: one sentence, and nothing is written. A
model that this machine has proved already, with these libraries, is not proved again.
"""

from __future__ import annotations

import logging
import subprocess
import tempfile
from time import sleep
from typing import TYPE_CHECKING, BinaryIO

from semscore.udfs.backends.openvino.converted import (
    REASON,
    converted_place,
    proving_command,
    proving_environment,
)
from semscore.udfs.backends.proving.proved import (
    NotProved,
    fits,
    require_proved,
    weight_bytes,
)
from semscore.udfs.backends.registry import may_convert, openvino_obstacle
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.gpus.discovery import pretended, visible_gpus
from semscore.udfs.proofs.proof import proof_place

if TYPE_CHECKING:
    from semscore.jobs.preflight.checks import Model
    from semscore.udfs.recipe import Engine, Recipe

LARGE = 4 * 10**9  # bytes of weights: beyond, the model is built without them
POLL_S = 0.05

log = logging.getLogger("semscore")


class Proving:
    """A model that is being proved, and converted for OpenVINO if this machine's workers will ask.

    Workers that come to it meanwhile wait for the same process. It is begun when this is made.
    Raises UserError if OpenVINO is asked for by name and cannot compute what is asked.
    """

    def __init__(self, model: Model, engine: Engine, local: bool) -> None:
        recipe, folder = model.recipe, model.folder
        device = _device(engine)
        self._model = model
        self._named = _named(recipe, engine)
        if local and self._named and (why := openvino_obstacle(recipe, device)):
            raise UserError(f"{self._named} needs OpenVINO, which cannot run here: {why}")
        self._converts = local and may_convert(recipe, engine, device)
        self._place = proof_place(folder, recipe.max_seq_length)
        self._outline = not self._place.exists() and (
            weight_bytes(folder) > LARGE or not fits(folder)
        )
        wanted = self._converts and not converted_place(folder).exists()
        self._said: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._process = self._begin() if wanted or not self._place.exists() else None

    def require(self) -> None:
        """Wait for the proof. Raises UserError if the model cannot be used.

        The conversion is waited for only where OpenVINO is asked for by name.
        """
        process, until_end = self._process, self._outline or (self._named and self._converts)
        if process:
            while process.poll() is None and (until_end or not self._place.exists()):
                sleep(POLL_S)
            self._judge(process.poll())
        if self._named and self._converts and not self._outline:
            reason = converted_place(self._model.folder) / REASON
            if reason.is_file():
                raise UserError(
                    f"{self._named} needs OpenVINO, which cannot run {self._model.folder}: "
                    f"{reason.read_text('utf-8')}. Leave it out, and torch computes"
                )

    def _begin(self) -> subprocess.Popen[bytes]:
        command = proving_command(
            self._model.folder,
            self._model.recipe.max_seq_length,
            convert=self._converts and not self._outline,
            outline=self._outline,
        )
        return subprocess.Popen(
            command,
            env=proving_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,  # Ctrl-C is for the run, which may be resumed soon
        )

    def _judge(self, code: int | None) -> None:
        """Raise UserError if the process has refused the model; its own death says nothing."""
        if code is None or self._place.exists():
            return
        self._said.seek(0)
        try:
            require_proved(code, self._said.read().decode(errors="replace"))
        except ModelError as error:
            raise UserError(f"model {error}") from error
        except NotProved as error:
            log.warning("the model could not be checked before the run: %s", error)


def prove(model: Model, engine: Engine, local: bool) -> None:
    """Prove a model now; UserError if it cannot be used."""
    Proving(model, engine, local).require()


def _named(recipe: Recipe, engine: Engine) -> str | None:
    """The option that asks for OpenVINO by name; None: no option does."""
    if engine.backend == "openvino":
        return "--backend openvino"
    return "--precision int8" if recipe.precision == "int8" else None


def _device(engine: Engine) -> str:
    """What local workers compute on, as torch names it."""
    on_gpus = engine.device != "cpu" and visible_gpus() and not pretended()
    return "cuda" if on_gpus else "cpu"
