"""The report as JSON and as text."""

from __future__ import annotations

import json

import pytest
from fake_checks import Attestable, Words

from readybook import Config, Finding, Fix, Place, Project, Report, audit
from readybook.config import Waiver
from readybook.report import ServedApp, Target
from readybook.text_report import markdown, table

FILES = {"app/a.py": "good\nbad\n", "app/b.py": "bad\n", "old/c.py": "bad\n"}


@pytest.fixture(scope="module")
def report() -> Report:
    config = Config(source="readybook.toml", waivers=(Waiver("TST901", "until it goes", "old/*", by="readybook.toml"),))
    return audit(Project.from_files(FILES, name="shop"), [Words(), Attestable()], config=config)


def test_the_shape_of_the_json(report):
    data = json.loads(report.to_json())
    check = data["checks"][0]
    assert set(check) == {"id", "name", "category", "severity", "outcome", "ratio", "title", "reason", "attestable",
                          "effort", "findings"}
    assert set(check["effort"]) == {"low", "likely", "high", "automated", "unit"}
    assert set(check["findings"][0]) == {
        "severity", "app", "path", "line", "end_line", "column", "symbol", "exact", "message", "evidence",
        "confidence", "fingerprint", "chain", "fix", "reach"}
    assert set(check["findings"][0]["fix"]) == {"kinds", "safety", "title", "reason", "unsafe"}
    assert set(data["score"]) >= {"overall", "grade", "capped_by", "categories"}
    assert set(data["score"]["categories"]["testing"]) == {"score", "grade", "counted", "total", "capped_by"}
    assert check["ratio"] == pytest.approx(1 / 3, abs=1e-6)


def test_everything_survives_json(report):
    again = Report.from_json(report.to_json())
    assert again.to_dict() == report.to_dict()
    assert again.score == report.score and again.target == report.target
    assert [w.reason for w in again.waived] == ["until it goes"]


def test_a_chain_and_a_lowered_place_survive_json():
    class Deep(Words):
        """It is deep."""

        def find(self, project):
            chain = (Place("a.py", 1, symbol="f"), Place("b.py", 2, symbol="g"))
            yield Finding(Place("a.py", 3, 5, 4, "f.g", exact=False), "m", confidence="low", app="a:app", chain=chain,
                          fix=Fix("t", kinds=("codemod", "config"), safety="safe", reason="r", unsafe=True))

    first = audit(Project.from_files({"a.py": "x\n" * 9}), [Deep()])
    (finding,) = Report.from_json(first.to_json()).results[0].findings
    assert finding == first.results[0].findings[0]


def test_another_schema_is_refused(report):
    text = report.to_json().replace('"schema_version": 2', '"schema_version": 99', 1)
    with pytest.raises(ValueError, match="schema_version 99"):
        Report.from_json(text)


def test_findings_come_gravest_first(report):
    rows = [(finding.severity, result.id, str(finding.place)) for result, finding, _ in report.findings]
    assert rows == [
        ("critical", "SEC903", "app/a.py:2"), ("critical", "SEC903", "app/b.py:1"),
        ("critical", "SEC903", "old/c.py:1"), ("high", "TST901", "app/a.py:2"), ("high", "TST901", "app/b.py:1")]


def test_the_table(report):
    text = table(report)
    assert "Audit of shop: 3 files, 4 lines of Python" in text
    assert "Open findings: 5 (3 critical, 2 high)" in text
    line = next(line for line in text.splitlines() if line.startswith("high"))
    assert line.split() == ["high", "TST901", "app/a.py:2", "bad", "here"]
    assert "until it goes" in text and "known vulnerabilities" in text
    assert f"{report.effort.likely:.1f} hours by hand" in text


def test_the_markdown(report):
    text = markdown(report)
    assert text.startswith("# Audit of shop: 3 files, 4 lines of Python\n")
    assert "\n| Severity | Check | Place | What is wrong | Fix |\n| --- | --- | --- | --- | --- |\n" in text
    assert "| high | TST901 | app/a.py:2 | bad here | take it out |" in text


def hostile(name: str) -> Report:
    return Report(Target("x", None, 1, 1, ()), (ServedApp("a:app", name, 1, 1),), (), (), ((name, "why"),))


def test_hostile_names_cannot_move_the_cursor():
    text = table(hostile("a\x1b[2J\u202egnp.py"))
    assert "\x1b" not in text and "\u202e" not in text and "\\u001b[2J" in text


def test_hostile_names_are_no_markup():
    text = markdown(hostile("<img src=x onerror=alert(1)>|`[a](http://b)`\n# c"))
    assert "<img" not in text.replace("\\<", "") and "\n# c" not in text
    assert "\\|\\`\\[a\\]" in text
