"""`semscore report`: made again from the records, with the options of the last report."""

from __future__ import annotations

import json
import webbrowser
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.cli import app as cli
from semscore.jobs.history.records import read_records
from semscore.jobs.ledger import ledger
from semscore.jobs.options.slices import Report
from semscore.jobs.report import Page, report
from semscore.jobs.reporting import written as module
from semscore.udfs.errors import UserError
from semscore.udfs.stores.local_folder import LocalFolder


def written(dataset: Path) -> Any:
    return json.loads((dataset / "_semscore/report.json").read_text("utf-8"))


def test_it_answers_and_writes_both_files(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", str(dataset), "--gold", "grade", "--price", "3.6"]) == 0
    told = capsys.readouterr().out
    assert "Is it complete? Yes: 200 rows in, 200 rows out" in " ".join(told.split())
    assert "with --gold-positive: there are labels other than 0 and 1" in " ".join(told.split())
    assert str(dataset / "_semscore/report.html") in told
    found = written(dataset)
    assert found["audit"]["statuses"] == {"ok": 196, "null": 2, "blank": 2}
    assert found["gold"]["spearman"] == pytest.approx(0.98, abs=0.03)
    assert found["cost"]["cost"] == pytest.approx(0.08)
    assert found["verdicts"][0]["question"] == "Is it complete?"
    assert found["advice"]
    page = (dataset / "_semscore/report.html").read_text("utf-8")
    assert "&lt;script&gt;" in page


def test_the_next_report_shows_what_the_last_one_was_asked_for(dataset: Path) -> None:
    first = ["report", str(dataset), "--gold", "grade", "--price", "2", "--no-samples"]
    assert cli.main(first) == 0
    assert cli.main(["report", str(dataset)]) == 0
    found = written(dataset)
    assert (found["gold"]["column"], found["cost"]["price"], found["samples"]) == ("grade", 2, None)
    assert "alert" not in (dataset / "_semscore/report.html").read_text("utf-8")
    assert cli.main(["report", str(dataset), "--samples"]) == 0
    assert written(dataset)["samples"]


def test_thresholds_are_shown_and_kept_for_the_next_report(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Grades are 0 to 4; in both files, row n has grade n // 20 and score (n - 2) / 100."""
    assert cli.main(["report", str(dataset), "--gold", "grade", "--gold-positive", "3"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Which threshold? 0.579 has the best F1, 1.000: precision 1.000, recall" in shown
    assert "precision 0.95 0.579 1.000 0.95–1.00 80 of 80 1.000 1.000 40.8%" in shown
    assert "From 196 labelled pairs: 80 similar (label of at least 3), 116 different." in shown
    assert "4 rows with a label but without a score." in shown
    curve = written(dataset)["gold"]["curve"]
    assert (curve["similar"], curve["different"], curve["average_precision"]) == (80, 116, 1)
    assert cli.main(["report", str(dataset)]) == 0
    assert written(dataset)["gold"]["curve"] == curve
    assert cli.main(["report", str(dataset), "--gold", "label"]) == 0
    assert written(dataset)["asked"]["gold_positive"] is None
    assert written(dataset)["gold"]["curve"]["similar"] == 40


def test_labels_of_one_kind_leave_a_report_that_says_so(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", str(dataset), "--gold", "grade", "--gold-positive", "9"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "all 196 pairs with a label and a score are different: their labels are 0 to 4" in shown
    assert written(dataset)["gold"]["spearman"] > 0.9


def test_while_a_run_is_going_on_only_committed_files_count(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / ledger.MANIFEST).unlink()
    for record in (dataset / "_semscore/units").glob("000000000002*"):
        record.unlink()
    assert len(list(dataset.rglob("*.zstd.parquet"))) == 2
    assert cli.main(["report", str(dataset), "--gold", "grade", "--gold-positive", "3"]) == 0
    assert "From 98 labelled pairs: 40 similar" in capsys.readouterr().out


def test_before_the_first_unit_there_is_nothing_to_compare(dataset: Path) -> None:
    (dataset / ledger.MANIFEST).unlink()
    for record in (dataset / "_semscore/units").iterdir():
        record.unlink()
    assert cli.main(["report", str(dataset), "--gold", "grade"]) == 0
    assert written(dataset)["gold"]["no_curve"] == "no pair has both a label and a score"


@pytest.mark.parametrize("content", ["{", '{"v": 99}', "[]", None])
def test_without_a_report_that_can_be_read_the_runs_own_choice_holds(
    dataset: Path, content: str | None
) -> None:
    """Texts that were not to be shown are not, whatever became of the report."""
    run = json.loads((dataset / ledger.RUN).read_text("utf-8"))
    run["options"]["report"]["samples"] = False
    (dataset / ledger.RUN).write_text(json.dumps(run), "utf-8")
    if content:
        (dataset / ledger.REPORT).write_text(content, "utf-8")
    assert cli.main(["report", str(dataset)]) == 0
    assert written(dataset)["samples"] is None
    assert "alert" not in (dataset / ledger.PAGE).read_text("utf-8")


def test_of_several_runs_no_one_may_have_wanted_pairs_shown(dataset: Path) -> None:
    run = json.loads((dataset / ledger.RUN).read_text("utf-8"))
    (dataset / ledger.RUN).write_text(json.dumps(run | {"run": "20260101T000000-0"}), "utf-8")
    assert cli.main(["report", str(dataset)]) == 0
    assert written(dataset)["samples"] is None


def test_a_private_report_leaves_no_page_that_shows_more(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["report", str(dataset)]) == 0
    assert "alert" in (dataset / ledger.PAGE).read_text("utf-8")
    folder = LocalFolder(str(dataset))
    asked = Report(samples=False)
    facts = module.make_report(folder, read_records(folder), asked)
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert module.write_report(folder, facts, asked) == str(dataset / ledger.REPORT)
    assert not (dataset / ledger.PAGE).exists()


def test_it_can_be_written_elsewhere_and_opened(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*")}
    assert cli.main(["report", str(dataset), "--to", str(tmp_path / "x"), "--open"]) == 0
    assert opened == [(tmp_path / "x/_semscore/report.html").as_uri()]
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--gold", "grades"], "not a column of the files in"),
        (["--gold", "grades"], "(did you mean 'grade'?); they have: text1, text2, grade, label"),
        (["--gold", "note"], "--gold 'note' is a column of type string. Labels must be true and"),
        (["--gold", "day"], "--gold 'day' is a column of type timestamp[us]. Labels must be"),
        (["--gold-positive", "3"], "--gold-positive needs a column of labels"),
        (["--gold", "grade", "--gold-positive", "nan"], "--gold-positive must be a finite number"),
        (["--gold", "lang"], "--gold 'lang' is not a column of the files in"),
        (["--gold", "text1"], "--gold 'text1' is a text column, the score or the status"),
        (["--price", "-1"], "--price must be at least 0, got -1"),
    ],
)
def test_mistakes_are_told(
    dataset: Path, caplog: pytest.LogCaptureFixture, words: list[str], told: str
) -> None:
    assert cli.main(["report", str(dataset), *words]) == 2
    assert told in caplog.text
    assert not (dataset / "_semscore/report.json").exists()


def test_a_folder_that_is_not_ours_has_no_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert cli.main(["report", str(tmp_path)]) == 2
    assert "is not a dataset written by semscore" in caplog.text


def test_records_of_another_version_are_not_guessed_at(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = json.loads((dataset / ledger.RUN).read_text("utf-8"))
    (dataset / ledger.RUN).write_text(json.dumps(run | {"v": 2}), "utf-8")
    assert cli.main(["report", str(dataset)]) == 2
    assert "was started by semscore 0.1.0, which writes records of version 2" in caplog.text


def test_what_is_missing_is_named(
    dataset: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert cli.main(["report", str(dataset)]) == 2
    assert "pip install 'semscore[report]'" in caplog.text


def test_a_data_file_that_is_broken_is_named(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    next(dataset.glob("lang=de/*1.zstd.parquet")).write_bytes(b"PAR1 no more")
    assert cli.main(["report", str(dataset)]) == 2
    assert "cannot create the report of" in caplog.text


def test_a_data_file_that_is_gone_is_named(dataset: Path, caplog: pytest.LogCaptureFixture) -> None:
    next(dataset.glob("lang=de/*1.zstd.parquet")).unlink()
    assert cli.main(["report", str(dataset)]) == 2
    assert "cannot create the report of" in caplog.text
    assert "part-1.zstd.parquet" in caplog.text


class Tags(HTMLParser):
    """The tags of a piece of HTML, with what browsers make of their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_notebook_gets_the_page_that_is_there(dataset: Path) -> None:
    (dataset / ledger.PAGE).write_text("<html><head></head>é</html>", "utf-8")
    assert report(str(dataset)) == Page(str(dataset), "<html><head></head>é</html>")


def test_a_notebook_gets_a_page_where_there_is_none_and_nothing_is_written(dataset: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*")}
    made = report(str(dataset))
    assert "Yes: 200 rows in, 200 rows out" in made.html
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*")} == before


def test_a_page_is_made_anew_if_asked_to_show_something(dataset: Path) -> None:
    (dataset / ledger.PAGE).write_text("old", "utf-8")
    made = report(str(dataset), Report(gold="grade", samples=False)).html
    assert "Spearman" in made
    assert "alert" not in made


def test_a_page_keeps_to_what_the_last_report_was_asked_for(dataset: Path) -> None:
    assert cli.main(["report", str(dataset), "--no-samples"]) == 0
    (dataset / ledger.PAGE).unlink()
    assert "alert" not in report(str(dataset)).html


def test_the_page_is_a_named_frame_in_which_nothing_runs() -> None:
    script = "<script>alert('x')</script>"
    [(tag, given)] = Tags(Page(f'"{script}', f"<head>{script}")._repr_html_()).found
    assert tag == "iframe"
    assert given.pop("srcdoc") == f'<head><base href="about:srcdoc">{script}'
    assert given.pop("title") == f'Report of "{script}'
    assert given == {"sandbox": None, "style": "width: 100%; height: 700px; border: 0"}


def test_names_from_records_are_text_in_the_page(dataset: Path) -> None:
    records = json.loads((dataset / ledger.RUN).read_text("utf-8"))
    records["recipe"]["model"] = "<script>model</script>"
    (dataset / ledger.RUN).write_text(json.dumps(records), "utf-8")
    named = dataset.rename(dataset.with_name("<script>scored"))
    shown = report(str(named))
    assert "<script" not in shown._repr_html_()
    assert "script" not in {tag for tag, _ in Tags(shown.html).found}
    assert "&lt;script&gt;model" in shown.html


def test_what_a_page_cannot_be_made_of_is_told(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="is not a dataset written by semscore"):
        report(str(tmp_path / "none"))
    with pytest.raises(UserError, match="'grades' is not a column of"):
        report(str(dataset), Report(gold="grades"))
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"semscore\[report\]"):
        report(str(dataset))
