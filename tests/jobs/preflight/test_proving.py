"""The model is proved while Spark starts, once, and what it cannot do is one sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.preflight import proving as module
from semscore.jobs.preflight.checks import Model
from semscore.jobs.preflight.proving import Proving, prove
from semscore.udfs.backends.openvino.converted import REASON, REFUSED
from semscore.udfs.errors import UserError
from semscore.udfs.gpus import device
from semscore.udfs.recipe import Engine, Recipe

AUTO = Engine(device="cpu")


@pytest.fixture
def model(tmp_path: Path) -> Model:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    return Model(Recipe(model=str(folder), kind="bi-encoder"), "00", folder)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """The processes that were asked for; each does what the file `does` says."""
    asked: list[dict[str, Any]] = []

    def command(_: Path, kind: str, limit: int | None, **options: bool) -> list[str]:
        assert kind == "bi-encoder"
        asked.append({"limit": limit} | {name: on for name, on in options.items() if on})
        return [sys.executable, "-c", (tmp_path / "does").read_text()]

    (tmp_path / "does").write_text(f"open({str(tmp_path / 'proof')!r}, 'w')")
    monkeypatch.setattr(module, "proving_command", command)
    monkeypatch.setattr(module, "proof_place", lambda *_: tmp_path / "proof")
    monkeypatch.setattr(module, "converted_place", lambda _: tmp_path / "conversion")
    return asked


def ends(folder: Path, code: int, said: str) -> None:
    (folder / "does").write_text(f"import sys; sys.stderr.write({said!r}); sys.exit({code})")


def test_a_model_is_proved_and_converted_once(
    model: Model, asked: list[Any], tmp_path: Path
) -> None:
    prove(model, AUTO, local=True)
    assert asked == [{"limit": None, "convert": True}]
    (tmp_path / "conversion").mkdir()
    prove(model, AUTO, local=True)
    assert len(asked) == 1


def test_what_no_worker_of_this_machine_needs_is_not_converted(
    model: Model, asked: list[Any]
) -> None:
    prove(model, AUTO, local=False)
    assert asked == [{"limit": None}]


def test_a_conversion_that_is_missing_is_made_but_not_waited_for(
    model: Model, asked: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "proof").touch()
    (tmp_path / "does").write_text("import time; time.sleep(60)")
    proving = Proving(model, AUTO, local=True)
    proving.require()
    assert proving._process is not None and proving._process.poll() is None
    proving._process.kill()


def test_a_model_that_is_refused_is_the_users_mistake(
    model: Model, asked: list[Any], tmp_path: Path
) -> None:
    ends(tmp_path, REFUSED, "some warning\nm cannot be scored: it says nothing\n")
    with pytest.raises(UserError, match=r"^model m cannot be scored: it says nothing$"):
        prove(model, AUTO, local=True)


def test_a_process_that_dies_does_not_end_the_run(
    model: Model, asked: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "semscore")
    ends(tmp_path, 9, "Killed")
    prove(model, AUTO, local=True)
    assert caplog.messages == ["the model could not be checked before the run: Killed"]


@pytest.mark.parametrize("what", ["large", "no room"])
def test_a_model_without_room_is_built_without_its_weights(
    model: Model, asked: list[Any], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "large":
        monkeypatch.setattr(module, "LARGE", 3)
    else:
        monkeypatch.setattr(module, "fits", lambda _: False)
    prove(model, AUTO, local=True)
    assert asked == [{"limit": None, "outline": True}]


def test_openvino_by_name_is_waited_for(model: Model, asked: list[Any], tmp_path: Path) -> None:
    conversion = tmp_path / "conversion"
    (tmp_path / "does").write_text(
        f"import time, pathlib; open({str(tmp_path / 'proof')!r}, 'w'); time.sleep(1); "
        f"p = pathlib.Path({str(conversion)!r}); p.mkdir(); "
        f"(p / {REASON!r}).write_text('no such operation')"
    )
    engine = Engine(device="cpu", backend="openvino")
    with pytest.raises(
        UserError, match=r"--backend openvino needs OpenVINO, which cannot run .*: no"
    ):
        prove(model, engine, local=True)
    prove(model, AUTO, local=True)  # torch computes


@pytest.mark.parametrize(
    ("recipe", "engine", "says"),
    [
        ({"precision": "float16"}, {"backend": "openvino"}, "does not compute in float16 on CPUs"),
        ({"precision": "int8"}, {"device": "gpu"}, "int8 needs OpenVINO, .* CPUs only"),
        (
            {"precision": "float16"},
            {"backend": "flat"},
            r"Engine\.backend flat needs torch .* on CPUs",
        ),
    ],
)
def test_what_a_backend_cannot_do_at_all_is_said_at_once(
    model: Model, monkeypatch: pytest.MonkeyPatch, recipe: Any, engine: Any, says: str
) -> None:
    monkeypatch.setattr(device, "visible_gpus", lambda: ["0"])
    given = model._replace(recipe=Recipe(model=model.recipe.model, **recipe))
    with pytest.raises(UserError, match=says):
        Proving(given, Engine(**{"device": "cpu", **engine}), local=True)
