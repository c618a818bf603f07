"""Going on with a dataset: the same recipe, the same rows and columns, or a sentence why not."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from semscore.jobs.ledger import ledger
from semscore.jobs.preflight.precision import Settled
from semscore.udfs.backends.openvino.calibration import FILES, read_calibration
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.recipe import SCORING_VERSION, fingerprint

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.recipe import Recipe
    from semscore.udfs.stores.folder import Folder

# By slice, what may differ from run to run of one dataset; all else must be as it was. An option
# that is forgotten here is refused too often, never mixed into one dataset.
MAY_DIFFER = {
    "recipe": {"model", "revision", "calibration", "precision"},  # compared by what they resolve to
    "columns": set(),
    "rows": {"bad_files"},
    "target": {"target_file_size", "mode", "yes"},
}


def resumed(
    output: Folder,
    settings: Settings,
    recipe: Recipe,
    model_sha256: str,
    corrections: dict[str, Any],
) -> Settled | None:
    """How the dataset in OUTPUT was begun, to go on with it; None: there is none, or a new one.

    Precision and int8 calibration are the dataset's own. Raises UserError, naming what differs, if
    this run would give other scores, rows or columns.
    """
    record = ledger.read_run(output) if settings.target.mode == "resume" else None
    if record is None:
        return None
    differences = _differences(record, settings, recipe, model_sha256)
    if differences:
        raise UserError(
            f"OUTPUT {output.name} was begun otherwise: {'; '.join(differences)}. Give the same "
            "options, or choose another OUTPUT"
        )
    files = _calibration(output, record, recipe, model_sha256) if record["int8_sha256"] else {}
    settled = Settled(
        replace(recipe, precision=record["recipe"]["precision"]), record["precision"], files
    )
    columns = (settings.columns.text1, settings.columns.text2)
    parts = (settled.recipe, model_sha256, columns, settled.int8_sha256)
    if fingerprint(*parts, corrections) != record["fingerprint"]:
        if corrections and fingerprint(*parts) == record["fingerprint"]:
            raise UserError(
                f"OUTPUT {output.name} was started by an earlier version of semscore, which read "
                f"texts otherwise for this model: {_read_now(corrections)}. The scores would "
                "differ: choose another OUTPUT, or replace this one with --mode overwrite --yes"
            )
        raise UserError(
            f"OUTPUT {output.name} was begun with another int8 calibration, or by a semscore of "
            f"scoring version {record['scoring_version']} (this one has {SCORING_VERSION}). Choose "
            "another OUTPUT"
        )
    return settled


def _calibration(
    output: Folder, record: dict[str, Any], recipe: Recipe, model_sha256: str
) -> dict[str, bytes]:
    """The files of the dataset's int8 calibration, or of the one that is given."""
    if recipe.calibration:
        try:
            return read_calibration(recipe.calibration, model_sha256)
        except ModelError as error:
            raise UserError(f"OUTPUT {output.name} cannot be gone on with: {error}") from error
    home = f"{ledger.MODELS}/{record['int8_sha256']}"
    files = {name: output.read(f"{home}/{name}") for name in FILES}
    found = {name: content for name, content in files.items() if content is not None}
    if len(found) < len(FILES):
        raise UserError(
            f"OUTPUT {output.name} cannot be gone on with: its int8 calibration in {home} is gone"
        )
    return found


def _differences(
    record: dict[str, Any], settings: Settings, recipe: Recipe, model_sha256: str
) -> list[str]:
    """What is not as the record says, each as `--option a then, b now`."""
    then = record["options"] | {"recipe": record["recipe"]}
    now: dict[str, Any] = {
        "recipe": recipe,
        "columns": settings.columns,
        "rows": settings.rows,
        "target": settings.target,
    }
    pairs = [
        (field.name, then[slice_].get(field.name, field.default), getattr(value, field.name))
        for slice_, value in now.items()
        for field in fields(value)
        if field.name not in MAY_DIFFER[slice_]
    ]
    if recipe.precision != "auto":
        pairs.append(("precision", then["recipe"]["precision"], recipe.precision))
    told = [
        f"--{name.replace('_', '-')} {_shown(a)} then, {_shown(b)} now"
        for name, a, b in pairs
        if _plain(a) != _plain(b)
    ]
    if record["model_sha256"] != model_sha256:
        told.append(
            f"--model {record['recipe']['model']} with content {record['model_sha256'][:12]} then, "
            f"{recipe.model} with {model_sha256[:12]} now"
        )
    return told


def _read_now(corrections: dict[str, Any]) -> str:
    """What of a model is read otherwise since then, for people."""
    told = []
    if "max_seq_length" in corrections:
        most = corrections["max_seq_length"]
        told.append(f"texts are now cut at {most} tokens, the last that it has a position for")
    if "split_special_tokens" in corrections:
        told.append('special tokens such as "[SEP]" in a text are now read as plain characters')
    return ", and ".join(told)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    if value is None or value == () or value == []:
        return "unset"
    return ",".join(value) if isinstance(value, list | tuple) else repr(value)
