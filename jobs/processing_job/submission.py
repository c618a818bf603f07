"""Files submitted with a job: code as one zip, entry script, long arguments, and a model."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path, PurePosixPath

from semscore.jobs.options.arguments import WORDS_FILE, write_words
from semscore.jobs.spark.code_archive import write_code
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.models.fitted import checked
from semscore.udfs.recipe import Recipe
from semscore.udfs.stores.s3 import is_s3, split

CODE = "semscore.zip"  # without folders: the SDK copies --py-files by name only
SCORES, EMBEDS = "score.py", "embed.py"  # scripts that Spark runs
ARGUMENTS = "arguments.json"
FILES_FOLDER = "/opt/ml/processing/input/files"  # where the SDK puts the channel `files`
MODEL_FOLDER = "/opt/ml/processing/input/model"
IN_IMAGE = "/opt/semscore/"  # models below this folder are part of the image
MOST_ARGUMENTS, LONGEST = 100, 256  # limits of CreateProcessingJob


def write_submission(folder: Path, embeds: bool) -> tuple[Path, Path]:
    """Write the package as a zip for --py-files, and the script that imports it, to `folder`."""
    script = EMBEDS if embeds else SCORES
    entry = folder / script
    entry.write_bytes((files("semscore.jobs") / script).read_bytes())
    return write_code(folder / CODE), entry


def fit_arguments(words: list[str], folder: Path) -> tuple[list[str], list[Path]]:
    """Return arguments within the API's limits, and the files to submit with them.

    Arguments that exceed the limits are written to a file in `folder`. If all fit, there are no
    files.
    """
    if len(words) <= MOST_ARGUMENTS and max(map(len, words), default=0) <= LONGEST:
        return words, []
    write_words(words, folder / ARGUMENTS)
    return [f"{WORDS_FILE}{FILES_FOLDER}/{ARGUMENTS}"], [folder / ARGUMENTS]


def find_model(recipe: Recipe, folder: Path, ask_hub: bool = True) -> tuple[str, str | None]:
    """Return the model's name inside the job, and the folder to copy there, here or on S3.

    A model on this machine or on the hub is submitted with the job, because the instances do not
    contact the hub. Raises UserError for a model that cannot be found or cannot be trusted, and,
    without `ask_hub`, for one that only the hub may have.
    """
    name, source = stand_in_model(recipe, folder)
    if source is None or is_s3(source):
        return name, source
    try:
        local = local_folder(recipe.model, recipe.revision, ask_hub)
        checked(recipe, local)
    except ModelError as error:
        raise UserError(
            f"{error}. The job can use a model from this machine (a folder, a package, or a name "
            f"on the hub), from s3://BUCKET/FOLDER, or from its image ({IN_IMAGE}model)"
        ) from error
    return name, str(local)


def stand_in_model(recipe: Recipe, folder: Path) -> tuple[str, str | None]:
    """Do the same as find_model, with an empty folder in place of a model to submit."""
    model = recipe.model
    if PurePosixPath(model).is_relative_to(IN_IMAGE):
        return model, None
    if is_s3(model):
        return MODEL_FOLDER, f"{plain(model)}/"
    empty = folder / "model"
    empty.mkdir()
    return MODEL_FOLDER, str(empty)


def plain(place: str) -> str:
    """Return an S3 place in the API's form, with s3:// in front and no slash at the end."""
    return f"s3://{'/'.join(filter(None, split(place)))}"
