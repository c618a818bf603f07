"""Proving the model on the driver, in a process that runs while Spark starts.

A model that workers could not use is found before anything is written to OUTPUT, and ends the run
with one sentence. A model that this machine has proved before with the same libraries is not proved
again.
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
)
from semscore.udfs.backends.registry import may_convert, require_library
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.gpus.device import local_device
from semscore.udfs.models.layout import weight_bytes
from semscore.udfs.proofs.proof import proof_place, read_proof
from semscore.udfs.recipe import resolved

if TYPE_CHECKING:
    from semscore.jobs.preflight.checks import Model
    from semscore.udfs.recipe import Engine, Recipe

LARGE = 4 * 10**9  # bytes of weights; a larger model is built without its weights
POLL_S = 0.05

log = logging.getLogger("semscore")


class Proving:
    """A process that proves a model, and converts it for OpenVINO if local workers will need that.

    It starts with this object. Workers that need its result in the meantime wait for this process
    instead of starting their own. Raises UserError if an option requires OpenVINO, but OpenVINO
    cannot compute what the recipe requires.
    """

    def __init__(self, model: Model, engine: Engine, local: bool) -> None:
        recipe, folder = model.recipe, model.folder
        assert folder is not None  # there is a model to prove
        device = local_device(engine)
        self._recipe, self._folder = recipe, folder
        self._named = _named(recipe, engine)
        if local:
            require_library(recipe, engine, device)
        self._converts = local and may_convert(recipe, engine, device)
        self._place = proof_place(folder, recipe.max_seq_length)
        self._outline = not self._place.exists() and (
            weight_bytes(folder) > LARGE or not fits(folder)
        )
        to_convert = self._converts and not converted_place(folder).exists()
        self._errors: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - open while it runs
        self._process = None
        if to_convert or not self._place.exists():
            log.info("testing the model on this machine; the result is kept for later runs")
            self._process = self._begin()

    def require(self) -> None:
        """Wait for the proof. Raises UserError if the model cannot be used.

        It waits for the conversion too, but only if an option requires OpenVINO.
        """
        process, until_end = self._process, self._outline or (self._named and self._converts)
        if process:
            if process.poll() is None:
                log.info("waiting for the test of the model")
            while process.poll() is None and (until_end or not self._place.exists()):
                sleep(POLL_S)
            self._judge(process.poll())
        if self._named and self._converts and not self._outline:
            reason = converted_place(self._folder) / REASON
            if reason.is_file():
                raise UserError(
                    f"{self._named} needs OpenVINO, which cannot run {self._folder}: "
                    f"{reason.read_text('utf-8')}. Leave out {self._named} to compute with torch"
                )

    @property
    def dimensions(self) -> int | None:
        """Return the number of dimensions of the model's vectors, or None if it is not known."""
        if not self._place.exists():
            return None
        return int(read_proof(self._place).vectors.shape[1])

    def _begin(self) -> subprocess.Popen[bytes]:
        command = proving_command(
            self._folder,
            resolved(self._recipe),
            self._recipe.max_seq_length,
            convert=self._converts and not self._outline,
            outline=self._outline,
        )
        return subprocess.Popen(
            command,
            env=proving_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C ends the run alone; a resumed run can use the proof
        )

    def _judge(self, code: int | None) -> None:
        """Raise UserError if the process refused the model; if it crashed, only log a warning."""
        if code is None or self._place.exists():
            return
        self._errors.seek(0)
        try:
            require_proved(code, self._errors.read().decode(errors="replace"))
        except ModelError as error:
            raise UserError(f"model {error}") from error
        except NotProved as error:
            log.warning("the model could not be checked before the run: %s", error)


def prove(model: Model, engine: Engine, local: bool) -> None:
    """Prove a model now; UserError if it cannot be used."""
    Proving(model, engine, local).require()


def _named(recipe: Recipe, engine: Engine) -> str | None:
    """Return the option that requires OpenVINO; None if no option does."""
    if engine.backend == "openvino":
        return "--backend openvino"
    return "--precision int8" if recipe.precision == "int8" else None
