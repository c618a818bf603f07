"""The page: right numbers, nothing of the data taken for markup, readable by all."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from semscore.jobs.reporting.charts import draw_all
from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.page import render
from semscore.jobs.reporting.scores import Partition

SVG = "{http://www.w3.org/2000/svg}"


class Tags(HTMLParser):
    """All tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def marks(svg: str) -> list[str]:
    """What a chart's marks say of themselves."""
    titles = ElementTree.fromstring(svg).iter(f"{SVG}title")
    return [title.text or "" for title in titles]


def test_charts_hold_the_counted_numbers(facts: Facts) -> None:
    charts = draw_all(facts)
    assert set(charts) == {
        *("scores", "partitions", "lengths", "all_seconds", "seconds", "rates", "units", "gold"),
        "thresholds",
    }
    scores = [mark for mark in marks(charts["scores"]) if "pairs: 0" not in mark]
    assert scores == [
        "cosine: 0; pairs: 100; high: 0.05",
        "cosine: 0.95; pairs: 96; high: 1",
    ]
    [spent] = [m for m in marks(charts["all_seconds"]) if "running the model" in m]
    assert "seconds: 11" in spent
    assert len(marks(charts["gold"])) == len(facts.gold.dots if facts.gold else ())


def test_precision_and_recall_are_drawn_and_in_tables(facts: Facts) -> None:
    page = render(facts)
    [figure] = re.findall(r'<figure id="chart-thresholds">.*?</figure>', page, re.S)
    legend = ElementTree.fromstring(draw_all(facts)["thresholds"])
    assert {"precision", "recall", "threshold"} <= {
        "".join(text.itertext()) for text in legend.iter()
    }
    row = r'<th scope="row">0.4</th><td class="n">1.000</td><td class="n">1.000</td>'
    assert row in figure
    # Grades of 4 and more are similar, and their scores are 0.4 and more.
    chosen = r'<th scope="row">precision 0.99</th><td class="n">0.4</td><td class="n">1.000</td>'
    assert chosen in page
    assert "5 similar (label of at least 4), 4 different." in page
    assert "Rows kept: of 9 scored rows that were read, the share at or above it." in page
    assert "190 rows without a label, and 1 row with a label but without a score." in page


def test_without_labels_there_is_no_choice_of_a_threshold(facts: Facts) -> None:
    assert facts.gold
    for gold in (None, replace(facts.gold, curve=None, no_curve="all alike <b>")):
        page = render(replace(facts, gold=gold))
        assert "chart-thresholds" not in page
        assert "Thresholds to choose from" not in page
        assert not Tags(page).named("b")


def test_text_of_the_data_stays_text(facts: Facts) -> None:
    page = render(facts)
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page
    assert not Tags(page).named("script")


@pytest.mark.parametrize(
    "name", ["<b>bold</b>", "a & b", "a\x0bb\ud800\x00", '"><svg onload=alert(1)>', "{{ 7*7 }}"]
)
def test_names_are_text_in_charts_too(facts: Facts, name: str) -> None:
    partition = [Partition(name, 5, 5, [0.1, 0.2, 0.3, 0.4, 0.5])]
    odd = replace(facts, partitions=[*facts.partitions, *partition])
    page = render(replace(odd, what=replace(facts.what, output=name)))
    tags = Tags(page)
    assert not tags.named("b")
    assert not [a for _, attributes in tags.found for a in attributes if a.startswith("on")]
    assert "49" not in "".join(re.findall(r"<h1>(.*?)</h1>", page))


def test_nothing_is_asked_of_any_network(facts: Facts) -> None:
    page = render(facts)
    policy = [a for a in Tags(page).named("meta") if a.get("http-equiv")]
    assert str(policy[0]["content"]).startswith("default-src 'none'")
    for _, attributes in Tags(page).found:
        for name in ("src", "href", "xlink:href"):
            assert str(attributes.get(name, "#")).startswith(("#", "data:"))
    assert "url(" not in page.replace("url(#", "")
    assert len(page) < 2_000_000


def test_each_chart_has_a_caption_and_its_numbers_as_a_table(facts: Facts) -> None:
    page = render(facts)
    figures = re.findall(r"<figure.*?</figure>", page, re.S)
    assert len(figures) == 9
    for figure in figures:
        assert "<figcaption>" in figure
        assert "<table>" in figure or 'id="chart-gold"' in figure
    tags = Tags(page)
    assert tags.named("html") == [{"lang": "en"}]
    assert all(region["aria-label"] for region in tags.named("div") if region.get("role"))
    ids = [a["id"] for _, a in tags.found if a.get("id")]
    linked = [str(a["href"])[1:] for a in tags.named("a")]
    assert set(linked) <= set(ids)
    assert len(ids) == len(set(ids))


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb: WCAG 2.2."""
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_suffices_in_light_and_dark(facts: Facts) -> None:
    """WCAG AA: 4.5 to 1 for text, 3 to 1 for what charts are made of."""
    schemes = re.findall(r":root \{(.*?)\}", render(facts), re.S)
    assert len(schemes) == 2
    for scheme in schemes:
        colors = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        for name in ("ink", "soft", "link", "good", "fair", "bad"):
            for paper in ("paper", "card"):
                assert contrast(colors[name], colors[paper]) >= 4.5, name
        for k in range(1, 8):
            assert contrast(colors[f"c{k}"], colors["paper"]) >= 3, k


def test_samples_that_are_not_to_be_shown_are_not(facts: Facts) -> None:
    page = render(replace(facts, samples=None))
    assert "alert(" not in page
    assert 'id="pairs"' not in page


def test_an_unfinished_run_has_a_page(facts: Facts) -> None:
    audit = replace(facts.audit, state="failed", failed=[{"what": "unit <x>", "reason": "a & b"}])
    page = render(replace(facts, audit=audit, units=[], rates=[], gold=None, partitions=[]))
    assert "unit &lt;x&gt;" in page
    assert "No (failed)" in page
