"""What a job is sent: the installed code as one zip, the entry script, long arguments, a model."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path, PurePosixPath

from semscore.jobs.options.arguments import WORDS_FILE, write_words
from semscore.jobs.spark.code_archive import write_code
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.models.fetch import check_model, local_folder
from semscore.udfs.stores.s3 import is_s3, split

CODE = "semscore.zip"  # flat: the SDK copies --py-files by their names alone
ENTRY = "score.py"
ARGUMENTS = "arguments.json"
FILES_FOLDER = "/opt/ml/processing/input/files"  # where the SDK's channel `files` lands
MODEL_FOLDER = "/opt/ml/processing/input/model"
IN_IMAGE = "/opt/semscore/"  # models below are part of the image
MOST_ARGUMENTS, LONGEST = 100, 256  # of CreateProcessingJob


def write_submission(folder: Path) -> tuple[Path, Path]:
    """The package as a zip for --py-files, and the script that imports it."""
    entry = folder / ENTRY
    entry.write_bytes((files("semscore.jobs") / ENTRY).read_bytes())
    return write_code(folder / CODE), entry


def fit_arguments(words: list[str], folder: Path) -> tuple[list[str], list[Path]]:
    """The arguments as the API takes them, and files to send along: none if all words fit."""
    if len(words) <= MOST_ARGUMENTS and max(map(len, words), default=0) <= LONGEST:
        return words, []
    write_words(words, folder / ARGUMENTS)
    return [f"{WORDS_FILE}{FILES_FOLDER}/{ARGUMENTS}"], [folder / ARGUMENTS]


def find_model(model: str, revision: str | None, folder: Path) -> tuple[str, str | None]:
    """The model's name inside the job, and what is to be copied there: a folder, here or on S3.

    A model that this machine has, or fetches from the hub, goes along: the instances ask no hub.
    Raises UserError for one that is not to be had, or not to be trusted.
    """
    name, source = stand_in_model(model, revision, folder)
    if source is None or is_s3(source):
        return name, source
    try:
        found = local_folder(model, revision)
        check_model(found)
    except ModelError as error:
        raise UserError(
            f"{error}. The job takes a model from here (a folder, a package, or the hub's name), "
            f"from s3://BUCKET/FOLDER, or from its image ({IN_IMAGE}model)"
        ) from error
    return name, str(found)


def stand_in_model(model: str, _: str | None, folder: Path) -> tuple[str, str | None]:
    """As find_model, with an empty folder for a model that would go along."""
    if PurePosixPath(model).is_relative_to(IN_IMAGE):
        return model, None
    if is_s3(model):
        return MODEL_FOLDER, f"{plain(model)}/"
    empty = folder / "model"
    empty.mkdir()
    return MODEL_FOLDER, str(empty)


def plain(place: str) -> str:
    """An S3 place in the API's form, with s3:// in front and no slash at the end."""
    return f"s3://{'/'.join(filter(None, split(place)))}"
