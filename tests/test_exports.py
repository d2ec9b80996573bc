"""The other forms of a report: SARIF, CSV, one page of Markdown, PDF. Read back, and the same bytes every time."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import synthetic
from readybook import pdf, registry
from readybook.browser import find_browser
from readybook.config import Config
from readybook.finding import Finding
from readybook.findings_csv import COLUMNS, findings_csv, harmless
from readybook.one_page import one_page
from readybook.place import Place
from readybook.plan_tables import Team
from readybook.rendering import FORMATS, Audited, render
from readybook.report import Report
from readybook.sarif import LEVELS, sarif, sarif_dict

REPORTS = (synthetic.plain, synthetic.clean, synthetic.hostile)


@pytest.mark.parametrize("made", REPORTS, ids=lambda made: made.__name__)
def test_sarif_has_the_shape_of_the_standard(made) -> None:
    report = made()
    data = json.loads(sarif(report))
    assert data["version"] == "2.1.0" and data["$schema"].endswith("sarif-2.1.0.json")
    (run,) = data["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert run["columnKind"] == "unicodeCodePoints"
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["help"]["text"] and rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
        assert ("security-severity" in rule["properties"]) == ("security" in rule["properties"]["tags"])
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"] and result["level"] in LEVELS.values()
        for location in [*result["locations"], *result.get("relatedLocations", ())]:
            physical = location["physicalLocation"]
            uri = physical["artifactLocation"]["uri"]
            assert not uri.startswith("/") and re.fullmatch(r"[A-Za-z0-9/._~%-]+", uri)
            assert physical["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
            assert physical["region"]["startLine"] >= 1
    assert synthetic.SECRET not in json.dumps(data)


def test_sarif_tells_every_finding_once_with_its_fingerprint() -> None:
    report = synthetic.plain()
    results = sarif_dict(report)["runs"][0]["results"]
    told = [r["partialFingerprints"]["readybook/v1"] for r in results if "suppressions" not in r]
    assert told == [fingerprint for _, _, fingerprint in report.findings]
    assert len({r["partialFingerprints"]["primaryLocationLineHash"] for r in results}) == len(results)
    (waived,) = [r for r in results if "suppressions" in r]
    assert waived["suppressions"][0]["justification"] == "the gateway sets them"
    first = results[0]
    assert first["level"] == "error" and first["relatedLocations"][0]["id"] == 1
    assert unquote(first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) == "app/main.py"


def test_sarif_fingerprints_do_not_move_with_lines() -> None:
    report = synthetic.plain()
    (row, *rest) = report.results
    moved = Finding(Place("app/main.py", 99), row.findings[0].message, severity="critical")
    shifted = Report(report.target, report.apps, (type(row)(**{**_fields(row), "findings": (moved,)}), *rest))
    prints = [[r["partialFingerprints"] for r in sarif_dict(made)["runs"][0]["results"] if "suppressions" not in r]
              for made in (report, shifted)]
    assert prints[0] == prints[1]


def _fields(row) -> dict:
    return {name: getattr(row, name) for name in row.__slots__}


def test_sarif_rules_explain_themselves() -> None:
    checks = registry.load()
    check = next(c for c in checks if c.id == "SEC001")
    rule = sarif_dict(synthetic.plain(), checks)["runs"][0]["tool"]["driver"]["rules"][0]
    assert rule["id"] == "SEC001" and check.explanation()[:40].replace("``", "`") in rule["help"]["markdown"]
    assert rule.get("helpUri", "https://").startswith("https://")


def test_csv_can_be_read_back() -> None:
    assert synthetic.SECRET not in findings_csv(synthetic.hostile())
    report = synthetic.plain()
    rows = list(csv.DictReader(io.StringIO(findings_csv(report), newline="")))
    assert tuple(rows[0]) == COLUMNS and len(rows) == len(report.findings)
    assert [row["fingerprint"] for row in rows] == [fingerprint for _, _, fingerprint in report.findings]
    assert rows[0]["severity"] == "critical" and rows[0]["rank"] == "1" and rows[0]["phase"] == "now"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(\"http://x\")"])
def test_no_cell_is_a_formula(text) -> None:
    assert str(harmless(text))[0] == "'" or not str(harmless(text)).startswith(("=", "+", "-", "@", "\t", "\r"))
    finding = Finding(Place(f"{text}.py", 1, symbol=text), text, severity="high")
    row = synthetic.result("SEC001", "security", "high", "Bad.", (finding,))
    made = findings_csv(Report(synthetic.clean().target, (), (row,)))
    for cell in list(csv.reader(io.StringIO(made, newline="")))[1]:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("made", REPORTS, ids=lambda made: made.__name__)
def test_the_page_of_markdown(made) -> None:
    text = one_page(made(), Team(), date="2026-01-31")
    assert text.startswith("# Audit of ") and "2026\\-01" not in text and synthetic.SECRET not in text
    assert len(text.splitlines()) < 90
    assert not re.search(r"(?<!\\)<(?:script|img)", text)
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


def test_the_page_says_what_to_do_first_and_what_it_costs() -> None:
    text = one_page(synthetic.plain(), Team(120, 120, "EUR", 2))
    assert "## What to do first" in text and "Begin with SEC001" in text
    assert "| By hand, to plan with (P80) |" in text and "EUR " in text and "2 engineers at 30 hours a week" in text


def test_formats_without_pages_start_no_kernel(tmp_path: Path) -> None:
    done = render(Audited(synthetic.plain(), Config()), tmp_path / "out", {}, formats=("markdown", "csv", "sarif"))
    assert done.html is None and not (tmp_path / "out" / "report.html").exists()
    assert [path.name for path in done.exports] == ["summary.md", "findings.csv", "findings.sarif"]
    again = render(Audited(synthetic.plain(), Config()), tmp_path / "again", {}, formats=("markdown", "csv", "sarif"))
    for one, other in zip(done.exports, again.exports, strict=True):
        assert one.read_bytes() == other.read_bytes()
    left = render(Audited(synthetic.plain(), Config()), tmp_path / "out", {}, formats=("csv",))
    assert [p.name for p in left.exports] == ["findings.csv"] and not (tmp_path / "out" / "summary.md").exists()


def test_a_pdf_is_the_same_every_time(tmp_path: Path) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium: apt-get install --no-install-recommends chromium fonts-dejavu-core")
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><title>t</title><h1 id=a>Audit</h1><a href=\"./beside.html#b\">b</a>"
                    "<a href=\"#a\">a</a>", encoding="utf-8")
    made = [tmp_path / f"{n}.pdf" for n in range(2)]
    assert [pdf.print_pdf(page, file, "2026-01-31") for file in made] == ["", ""]
    assert made[0].read_bytes() == made[1].read_bytes()
    assert b"file:" not in made[0].read_bytes() and b"beside" not in made[0].read_bytes()
    assert made[0].read_bytes().startswith(b"%PDF-") and b"D:20260131000000" in made[0].read_bytes()


def test_without_a_browser_the_pdf_is_missed_and_said_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("READYBOOK_BROWSER", "no-such-browser")
    assert pdf.print_pdf(tmp_path / "page.html", tmp_path / "page.pdf") == pdf.NO_BROWSER
    assert set(FORMATS) == {"html", "pdf", "markdown", "csv", "sarif"}
