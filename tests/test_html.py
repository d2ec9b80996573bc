"""The report as one file: self-contained, closed to the network, bounded, the same bytes twice, and in the package."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
import synthetic
from readybook.charts import plotly_script
from readybook.config import Config
from readybook.errors import ConfigError
from readybook.page import page_parts, resource, unlink_dangling, whole_page
from readybook.markup import el
from readybook.rendering import Audited, Rendered, render
from shared_reports import shared_report

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 4_000_000  # bytes


class Page(HTMLParser):
    """Ids, links, sources, scripts and the text outside scripts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.tags: list[str] = []
        self.policy = ""
        self.text = ""
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.inside = tag if tag in ("script", "style") else ""
        if tag == "script":
            self.scripts.append((given, ""))
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        for name, value in attrs:
            found = {"id": self.ids, "href": self.links, "src": self.sources, "srcset": self.sources}.get(name)
            if found is not None:
                found.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            given, text = self.scripts[-1]
            self.scripts[-1] = given, text + data
        elif not self.inside:
            self.text += data


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Rendered:
    return shared_report(tmp_path_factory, "plain")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Rendered:
    return shared_report(tmp_path_factory, "hostile")


def read(made: Rendered) -> tuple[str, Page]:
    text = made.html.read_text(encoding="utf-8")
    return text, Page(text)


def test_the_page_needs_nothing_from_elsewhere(plain: Rendered) -> None:
    text, page = read(plain)
    assert page.sources == []
    assert "link" not in page.tags and "iframe" not in page.tags
    assert all(link.startswith("#") for link in page.links)
    assert "url(" not in resource("page/page.css") and "@import" not in resource("page/page.css")


def test_the_policy_lets_run_exactly_the_scripts_of_the_page(plain: Rendered) -> None:
    _, page = read(plain)
    assert page.policy.startswith("default-src 'none'; script-src 'sha256-")
    allowed = set(re.findall(r"'sha256-([^']+)'", page.policy))
    packed = next(text for given, text in page.scripts if given.get("id") == "plotly")
    runnable = [text for given, text in page.scripts if "type" not in given]
    unpacked = gzip.decompress(base64.b64decode(packed)).decode()
    assert unpacked == plotly_script()
    assert len(runnable) == 1
    assert allowed == {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in (runnable[0], unpacked)}
    assert page.policy.partition("script-src")[2].partition(";")[0].count("unsafe") == 0


def test_plotly_is_in_the_page_once(plain: Rendered) -> None:
    _, page = read(plain)
    assert len([1 for _, script in page.scripts if len(script) > 500_000]) == 1


def test_every_chart_is_there_with_words_and_table(plain: Rendered) -> None:
    text, page = read(plain)
    figures = [json.loads(script) for given, script in page.scripts if given.get("type") == "application/json"]
    assert len(figures) == text.count('<figure class="chart">') == 8
    for figure in figures:
        assert figure["layout"]["meta"]["alt"] in page.text
    assert page.text.count("The figures as a table") == 8


def test_the_page_shows_no_code_cell(plain: Rendered) -> None:
    _, page = read(plain)
    assert "from readybook import" not in page.text and "hourly_rate" not in page.text and "In [" not in page.text
    assert "Set the parameters below" not in page.text


def test_contents_and_deep_links_lead_somewhere(plain: Rendered) -> None:
    text, page = read(plain)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    for result, _, fingerprint in synthetic.plain().findings:
        assert fingerprint in page.ids and result.id in page.ids
    titles = re.findall("<h2>(.*?)</h2>", text)
    assert len(titles) > 10
    assert re.findall('<li><a href="#[a-z-]+">(.*?)</a></li>', text) == titles
    assert "2026-01-31" in page.text


def test_nothing_of_a_hostile_target_becomes_markup(hostile: Rendered, plain: Rendered) -> None:
    text, page = read(hostile)
    assert set(page.tags) <= set(read(plain)[1].tags)
    assert page.handlers == []
    assert len([1 for given, _ in page.scripts if "type" not in given]) == 1
    assert "49" not in [line.strip() for line in page.text.split("\n")]  # no template in a text was evaluated
    assert synthetic.SECRET not in text
    assert "{{ 7*7 }}" in page.text


def test_two_renderings_are_equal(plain: Rendered, tmp_path: Path) -> None:
    again = render(Audited(synthetic.plain(), Config()), tmp_path / "other" / "out", {"date": "2026-01-31"})
    for name in ("html", "notebook", "json"):
        assert getattr(plain, name).read_bytes() == getattr(again, name).read_bytes(), name


def test_no_file_tells_of_the_machine(plain: Rendered) -> None:
    for path in (plain.html, plain.notebook, plain.json):
        text = path.read_text(encoding="utf-8")
        assert str(plain.html.parent) not in text and str(ROOT) not in text and sys.prefix not in text, path.name
    assert sorted(p.name for p in plain.html.parent.iterdir()) == ["01_audit.ipynb", "audit.json", "report.html"]
    assert [p.name for p in plain.html.parent.parent.iterdir()] == ["out"]


def test_an_executive_sees_no_findings_in_full(tmp_path: Path) -> None:
    made = render(Audited(synthetic.plain(), Config()), tmp_path / "out", {"profile": "executive"})
    _, page = read(made)
    assert "All findings" not in page.text and "Patches" not in page.text
    assert "The worst five" in page.text and "SEC001" in page.text
    assert {link[1:] for link in page.links} <= set(page.ids)


def test_a_huge_target_stays_under_the_limit(tmp_path: Path) -> None:
    made = render(Audited(synthetic.huge(100, 60), Config()), tmp_path / "out")
    assert made.html.stat().st_size < LIMIT
    assert "more of this check stand in audit.json" in made.html.read_text(encoding="utf-8")


def test_a_wrong_profile_or_parameter_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    for wrong in ({"profile": "boss"}, {"colour": "red"}):
        with pytest.raises(ConfigError):
            render(Audited(synthetic.clean(), Config()), tmp_path / "out", wrong)
    assert list(tmp_path.iterdir()) == []


def test_links_into_nowhere_become_text() -> None:
    page = '<p id="a"><a href="#a">x</a><a class="c" href="#b" title="t"><code>y</code></a></p>'
    assert unlink_dangling(page) == '<p id="a"><a href="#a">x</a><code>y</code></p>'


def test_a_page_without_charts_carries_no_chart_script() -> None:
    text = whole_page("<t>", el("h1", "head"), el("p", "body"), "foot")
    assert len(text) < 60_000 and 'id="plotly"' not in text
    assert "<title>&lt;t&gt;</title>" in text
    assert page_parts("t", (), "f").contents == ""


def test_templates_and_notebooks_are_in_the_package(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT,
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        for path in (ROOT / "lib" / "readybook" / "templates").rglob("*"):
            if path.is_file():
                name = path.relative_to(ROOT / "lib").as_posix()
                assert packed.read(name) == path.read_bytes(), name
        for path in (ROOT / "notebooks").glob("*.ipynb"):
            assert packed.read(f"readybook/templates/notebooks/{path.name}") == path.read_bytes()
