"""Check whether a dataset can be resumed: same recipe, same rows, same columns."""

from __future__ import annotations

from dataclasses import Field, fields, replace
from typing import TYPE_CHECKING, Any

from semscore.jobs.ledger import ledger
from semscore.jobs.preflight.precision import Settled
from semscore.jobs.preflight.ranges import recorded_ranges
from semscore.jobs.run.fingerprints import fingerprint_of
from semscore.udfs.backends.openvino.calibration import FILES, read_calibration
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.recipe import SCORING_VERSION

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.recipe import Recipe
    from semscore.udfs.stores.folder import Folder

# By slice, the options that may differ between runs of one dataset. All others must be the same. If
# an option is missing here, runs are refused too often, but scores are never mixed in one dataset.
MAY_DIFFER = {
    "recipe": {"model", "revision", "calibration", "precision"},  # compared by what they resolve to
    "columns": set(),
    "embeddings": set(),
    "rows": {"bad_files", "limit", "snapshot", "follow"},  # prepare.py sees to the last three
    "target": {"target_file_size", "mode", "yes"},
}


def resumed(
    output: Folder,
    settings: Settings,
    recipe: Recipe,
    model_sha256: str,
    corrections: dict[str, Any],
) -> Settled | None:
    """Return how the dataset in OUTPUT was started, or None if there is none to resume.

    Precision and int8 calibration are those of the dataset. Raises UserError, naming what differs,
    if this run would produce other scores, rows or columns.
    """
    record = ledger.read_run(output) if settings.target.mode == "resume" else None
    if record is None:
        return None
    differences = _differences(record, settings, recipe, model_sha256)
    if differences:
        raise UserError(
            f"OUTPUT {output.name} was started with different options ({'; '.join(differences)}). "
            "Use the same options, or choose another OUTPUT"
        )
    files = _calibration(output, record, recipe, model_sha256) if record["int8_sha256"] else {}
    settled = Settled(
        replace(recipe, precision=record["recipe"]["precision"]),
        record["precision"],
        files,
        recorded_ranges(record),
    )
    if fingerprint_of(settings, settled, model_sha256, corrections) != record["fingerprint"]:
        before = fingerprint_of(settings, settled, model_sha256, {})
        if corrections and before == record["fingerprint"]:
            raise UserError(
                f"OUTPUT {output.name} was started by an earlier version of semscore, which read "
                f"texts differently for this model: {_read_now(corrections)}. The scores would "
                "differ. Choose another OUTPUT, or replace this one with --mode overwrite --yes"
            )
        raise UserError(
            f"OUTPUT {output.name} was started with another int8 calibration, or by a semscore "
            f"with scoring version {record['scoring_version']} (this one has {SCORING_VERSION}). "
            "Choose another OUTPUT"
        )
    return settled


def _calibration(
    output: Folder, record: dict[str, Any], recipe: Recipe, model_sha256: str
) -> dict[str, bytes]:
    """Return the files of the int8 calibration in `recipe`, or else of the dataset's own."""
    if recipe.calibration:
        try:
            return read_calibration(recipe.calibration, model_sha256)
        except ModelError as error:
            raise UserError(f"OUTPUT {output.name} cannot be resumed: {error}") from error
    home = f"{ledger.MODELS}/{record['int8_sha256']}"
    files = {name: output.read(f"{home}/{name}") for name in FILES}
    present = {name: content for name, content in files.items() if content is not None}
    if len(present) < len(FILES):
        raise UserError(
            f"OUTPUT {output.name} cannot be resumed: its int8 calibration in {home} is missing"
        )
    return present


def _differences(
    record: dict[str, Any], settings: Settings, recipe: Recipe, model_sha256: str
) -> list[str]:
    """Return what differs from the record, each as `--option was a, now b`."""
    then = record["options"] | {"recipe": record["recipe"]}
    now: dict[str, Any] = {
        "recipe": recipe,
        "columns": settings.columns,
        "embeddings": settings.embeddings,
        "rows": settings.rows,
        "target": settings.target,
    }
    pairs = [
        (
            field.name,
            then.get(slice_, {}).get(field.name, _before(field)),
            getattr(value, field.name),
        )
        for slice_, value in now.items()
        for field in fields(value)
        if field.name not in MAY_DIFFER[slice_]
    ]
    if recipe.precision != "auto":
        pairs.append(("precision", then["recipe"]["precision"], recipe.precision))
    texts = [
        f"--{name.replace('_', '-')} was {_shown(a)}, now {_shown(b)}"
        for name, a, b in pairs
        if _plain(a) != _plain(b)
    ]
    if record["model_sha256"] != model_sha256:
        texts.append(
            f"--model was {record['recipe']['model']} with content {record['model_sha256'][:12]}, "
            f"now {recipe.model} with content {model_sha256[:12]}"
        )
    return texts


def _before(field: Field[Any]) -> Any:
    """Return the value of an option in records from before there was this option."""
    return "bi-encoder" if field.name == "kind" else field.default


def _read_now(corrections: dict[str, Any]) -> str:
    """Return how texts for a model are now read differently."""
    changes = []
    if "max_seq_length" in corrections:
        most = corrections["max_seq_length"]
        changes.append(
            f"texts are now truncated to {most} tokens, because the model has no more positions"
        )
    if "split_special_tokens" in corrections:
        changes.append('special tokens such as "[SEP]" in a text are now read as plain characters')
    return ", and ".join(changes)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    if value is None or value == () or value == []:
        return "unset"
    return ",".join(value) if isinstance(value, list | tuple) else repr(value)
