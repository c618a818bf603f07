"""What a cross-encoder makes of its logits: labels and activation, read from its files.

The order in which sentence-transformers looks for them is that of `CrossEncoder.predict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semscore.udfs.errors import ModelError, some_of, suggestion
from semscore.udfs.models.layout import Module, read_dict, read_modules, transformer

# Names of classes in torch.nn. sentence-transformers calls whatever a configuration names after
# `torch.`, which need not be an activation.
ACTIVATIONS = ("Identity", "ReLU", "Sigmoid", "Softplus", "Tanh")
USUAL_LABELS = 2  # that transformers takes if a configuration states none


@dataclass(frozen=True)
class PairHead:
    """The head of a cross-encoder."""

    labels: tuple[str, ...]  # one for each logit
    activation: str  # one of ACTIVATIONS

    @property
    def bounded(self) -> bool:
        """Return whether all scores lie between -1 and 1."""
        return len(self.labels) > 1 or self.activation in ("Sigmoid", "Tanh")

    def index(self, label: str | None) -> int:
        """Return the place of the logit that `label` names, by its name or index.

        None is right for a model with one label, and only for that. Raises ModelError for any
        other value, with the labels that there are.
        """
        if len(self.labels) == 1:
            if label is None:
                return 0
            raise ModelError(
                f"Recipe.label {label!r} cannot be used, because the model has only one label; "
                "leave it out"
            )
        known = ", ".join(f"{place} {name!r}" for place, name in enumerate(self.labels))
        if label is None:
            raise ModelError(
                f"the model has {len(self.labels)} labels ({known}); use Recipe.label to name the "
                "one whose probability is the score"
            )
        if label in self.labels:
            return self.labels.index(label)
        if label.isdecimal() and int(label) < len(self.labels):
            return int(label)
        alike = [name for name in self.labels if name.lower() == label.lower()]
        if len(alike) == 1:
            return self.labels.index(alike[0])
        raise ModelError(
            f"Recipe.label {label!r} is not one of the model's labels: {known}"
            f"{suggestion(label, self.labels)}"
        )


def pair_head(folder: Path) -> PairHead:
    """Return the head of the cross-encoder in a folder.

    Raises ModelError for an activation that is not one of ACTIVATIONS.
    """
    modules = read_modules(folder)
    _, config = transformer(folder)
    labels = _labels(modules, config)
    return PairHead(labels, _activation(folder, config) or _default(labels))


def _labels(modules: list[Module], config: dict[str, Any]) -> tuple[str, ...]:
    for module in reversed(modules):
        if module.name == "LogitScore":
            return ("score",)
        if module.name == "Dense" and module.config.get("module_output_name") == "scores":
            return _numbered(int(module.config.get("out_features", 1)))
        if module.name == "Transformer":
            break
    architectures = config.get("architectures") or ()
    if not any(name.endswith("ForSequenceClassification") for name in architectures):
        return ("score",)  # sentence-transformers then takes one
    named = config.get("id2label")
    if isinstance(named, dict) and named:
        names = tuple(str(named[place]) for place in sorted(named, key=int))
        return names if len(set(names)) == len(names) else _numbered(len(names))
    return _numbered(int(config.get("num_labels") or USUAL_LABELS))


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"LABEL_{place}" for place in range(count))


def _default(labels: tuple[str, ...]) -> str:
    return "Sigmoid" if len(labels) == 1 else "Identity"


def _activation(folder: Path, config: dict[str, Any]) -> str | None:
    """Return the activation that a configuration names, or None if it names none that applies."""
    if (folder / "modules.json").is_file():
        saved = read_dict(folder / "config_sentence_transformers.json").get("activation_fn")
        if name := _trusted(folder, saved):
            return name
    own = config.get("sentence_transformers") or {}
    if "activation_fn" in own:
        return _trusted(folder, own["activation_fn"])
    return _trusted(folder, config.get("sbert_ce_default_activation_function"))


def _trusted(folder: Path, path: Any) -> str | None:
    """Return the class that a path names; None for a path that sentence-transformers ignores."""
    if not isinstance(path, str) or not path.startswith("torch."):
        return None
    name = path.rpartition(".")[2]
    if not path.startswith("torch.nn.") or name not in ACTIVATIONS:
        raise ModelError(
            f"{folder} names {path!r} as the activation of its scores, which is not one of those "
            f"that can be used: {some_of(ACTIVATIONS)}. Use another model, or correct its "
            "configuration"
        )
    return name
