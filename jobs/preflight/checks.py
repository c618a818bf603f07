"""Conditions that must hold before a run writes anything; a failed check is one clear sentence."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from semscore.jobs.gold.column import require_numbers
from semscore.jobs.ledger import ledger
from semscore.jobs.preflight.output_format import is_own_table
from semscore.jobs.table_logs.recognised import require_no_table
from semscore.udfs.errors import ModelError, UserError, some_of, suggestion
from semscore.udfs.models.fetch import local_folder, pinned
from semscore.udfs.models.fitted import checked, passages, require_vectors
from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.stores.names import is_utf8, printable
from semscore.udfs.stores.registry import is_remote, kind_of

NO_MODEL = "none, stored vectors"  # in records, in place of a model's name

log = logging.getLogger("semscore")

if TYPE_CHECKING:
    from semscore.jobs.dataset.columns import Layout
    from semscore.jobs.dataset.source import Source
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.recipe import Recipe
    from semscore.udfs.stores.folder import Folder
    from semscore.udfs.stores.registry import Storage


def check_output(settings: Settings, storage: Storage) -> Folder:
    """Return OUTPUT's folder after checking it.

    It must not overlap with INPUT, and must be writable. In mode `new` it must be empty; otherwise
    it may contain only what semscore wrote. Raises UserError if not.
    """
    try:
        output = storage.folder(settings.output)
        _check_apart(settings, storage, output)
        if not is_own_table(settings, output):
            require_no_table(output)
        output.require_writable()
        if settings.target.mode == "new":
            ledger.require_empty(output)
        else:
            ledger.require_ours(output)
    except OSError as error:
        raise UserError(f"OUTPUT {settings.output} cannot be read: {error}") from error
    _check_store(settings, output)
    return output


def _check_store(settings: Settings, output: Folder) -> None:
    """Warn if two runs could start on OUTPUT at once; refuse what its storage does not allow."""
    if not is_remote(output.url):
        return
    store, recipe = kind_of(output.url), settings.recipe
    if not store.is_exclusive:
        log.warning(
            "it is not known whether only one of two processes can create a file on OUTPUT %s, so "
            "make sure that no two runs write there at once",
            output.name,
        )
    if store.needs_java and recipe.precision == "int8" and not recipe.calibration:
        raise UserError(
            "--precision int8 keeps its calibration in OUTPUT, but workers cannot read it from "
            f"{output.name}. Name one that all hosts can read, with --calibration"
        )


def _check_apart(settings: Settings, storage: Storage, output: Folder) -> None:
    """Raise UserError if OUTPUT is INPUT, or one lies inside the other."""
    for place in settings.locations:
        source = storage.folder(place)
        if output.url == source.url:
            raise UserError(f"OUTPUT {settings.output} is INPUT; choose another folder")
        for inner, outer, what in (
            (output, source, "OUTPUT lies inside INPUT"),
            (source, output, "INPUT lies inside OUTPUT"),
        ):
            if inner.url.startswith(f"{outer.url}/"):
                raise UserError(f"{what}: {inner.name} is in {outer.name}; choose another folder")


class Model(NamedTuple):
    """A model on this machine whose content is fixed."""

    recipe: Recipe  # with model, revision, kind and label resolved
    sha256: str  # of the model's content
    folder: Path | None  # None: stored vectors are compared, without a model


def without_model(recipe: Recipe) -> Model:
    """Return what takes the place of a model if stored vectors are compared."""
    return Model(replace(recipe, model=NO_MODEL, kind="bi-encoder", precision="float32"), "", None)


def require_embeds(model: Model) -> None:
    """Raise UserError unless a model gives each text one vector."""
    assert model.folder is not None
    require_vectors(model.recipe, model.folder)


def pin_model(recipe: Recipe) -> Model:
    """Find a recipe's model, check it and fix its revision; UserError if it cannot be used."""
    if not is_utf8(recipe.model):
        raise UserError(
            f"--model {printable(recipe.model)}: the name is not valid UTF-8; rename the folder"
        )
    try:
        folder = local_folder(recipe.model, recipe.revision)
        recipe = checked(pinned(recipe, folder), folder)
    except ModelError as error:
        raise UserError(str(error)) from error
    if warning := passages(recipe, folder):
        log.warning("%s", warning)
    return Model(recipe, content_sha256(folder), folder)


def check_gold(settings: Settings, source: Source, layout: Layout) -> None:
    """Raise UserError unless the column of labels holds numbers and will be in OUTPUT's files."""
    gold = settings.report.gold
    if gold is None:
        return
    if settings.embeds:
        raise UserError(
            "--gold compares scores with labels, but a run with --text has no scores; leave it out"
        )
    if gold not in layout.kept:
        raise UserError(
            f"--gold {gold!r} is not one of the columns that are written: "
            f"{some_of(layout.kept)}{suggestion(gold, layout.kept)}"
        )
    for names, what in (
        (settings.passed, "a column that is scored"),
        (layout.partition_by, "a column in the partition folders' names"),
    ):
        if gold in names:
            raise UserError(
                f"--gold {gold!r} is {what}; name a column of labels that is in the files"
            )
    require_numbers(gold, source.types[gold])
