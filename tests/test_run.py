"""Running checks: outcomes, suppression, waivers, attestations, what the report says it did not check."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from fake_checks import Attestable, Suppressed, Words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readybook import Config, ConfigError, Finding, Place, Project, Report, audit
from readybook.config import Attestation, Waiver
from readybook.evidence import fingerprint, fingerprints
from readybook.ignores import comments, covers

TODAY = dt.date(2026, 11, 20)


def run(files: dict[str, str] | str, *checks, config: Config | None = None, **options) -> Report:
    files = {"a.py": files} if isinstance(files, str) else files
    project = Project.from_files(files)
    return audit(project, checks or (Words(),), config=config, today=TODAY, **options)


def places(report: Report, id_: str = "TST901") -> list[str]:
    return [str(f.place) for r in report.results if r.id == id_ for f in r.findings]


@pytest.mark.parametrize(
    ("text", "outcome", "ratio", "reason"),
    [
        ("x = 1\n", "not_applicable", None, "nothing here"),
        ("elsewhere\n", "not_applicable", None, "it is elsewhere"),
        ("elsewhere\ngood\n", "passed", 1.0, ""),
        ("good\ngood\n", "passed", 1.0, ""),
        ("bad\n", "failed", 0.0, ""),
        ("bad\ngood\ngood\ngood\n", "partial", 0.75, ""),
        ("maybe\n", "unknown", None, "cannot tell: a.py:1: who knows"),
        ("maybe\ngood\n", "unknown", None, "cannot tell"),
        ("maybe\nbad\n", "failed", 0.0, "cannot tell"),
        ("maybe\nbad\ngood\n", "partial", 0.5, "cannot tell"),
    ],
)
def test_answers_make_the_outcome(text, outcome, ratio, reason):
    (result,) = run(text).results
    assert (result.outcome, result.ratio) == (outcome, ratio)
    assert reason in result.reason if reason else result.reason == ""


def test_a_check_that_raises_is_an_error_and_the_others_run():
    class Other(Words):
        """Another word is there."""

        id, name, word = "TST904", "other-word", "explode"

        def find(self, project):
            yield Finding(Place("a.py", 1), "told")

    failed, told = run("bad\nexplode\n", Words(), Other()).results
    assert failed.outcome == "error" and failed.ratio is None and not failed.findings
    assert failed.reason.startswith("ValueError: cannot read a.py")
    assert "/home" not in failed.reason and "hunter2" not in failed.reason
    assert told.outcome == "failed"


def test_an_answer_of_another_kind_is_an_error():
    class Odd(Words):
        """It answers oddly."""

        def find(self, project):
            yield "bad"

    (result,) = run("x\n", Odd()).results
    assert result.outcome == "error" and "str" in result.reason


def test_findings_are_sorted_unique_and_complete():
    class Messy(Words):
        """It tells twice and in any order."""

        def find(self, project):
            for line in (9, 2, 2, 1):
                yield Finding(Place("a.py", line, end_line=line + 7), f"line {line}")

    text = 'password = "hunter2hunter2"\r\n' + "".join(f"x{n}\r\n" for n in range(2, 20))
    (result,) = run(text, Messy()).results
    assert [f.place.line for f in result.findings] == [1, 2, 9]
    assert [f.severity for f in result.findings] == ["high"] * 3
    assert result.findings[0].evidence == 'password = "hu…"\nx2\nx3\nx4\nx5\nx6'
    assert result.findings[1].evidence.splitlines() == [f"x{n}" for n in range(2, 8)]


def test_a_finding_about_a_missing_file_has_no_evidence():
    class Missing(Words):
        """A file is missing."""

        def find(self, project):
            yield Finding(Place("Dockerfile"), "there is none")

    (result,) = run("x\n", Missing()).results
    assert result.findings[0].evidence == "" and len(result.fingerprints[0]) == 16


def test_what_another_check_tells_of_is_dropped():
    found = run("bad\ngood\n", Suppressed(), Words())  # asked in any order, the suppressing check goes first
    assert places(found) == ["a.py:1"] and places(found, "TST902") == []
    again = {r.id: r for r in found.results}["TST902"]
    assert again.outcome == "passed" and again.reason == "1 finding told by TST901 instead"
    alone = run("bad\n", Suppressed(), Words()).results[0]
    assert alone.outcome == "not_applicable"


def test_what_the_other_check_waived_is_told():
    config = Config(source="readybook.toml", waivers=(Waiver("TST901", "known", by="w"),))
    found = run("bad\n", Words(), Suppressed(), config=config)
    assert [r.outcome for r in found.results] == ["waived", "failed"]


def test_only_and_skip():
    checks = (Words(), Suppressed(), Attestable())
    assert [r.id for r in run("bad", *checks, only=["TST"]).results] == ["TST901", "TST902"]
    assert [r.id for r in run("bad", *checks, only=["vouched-word", "tst901"]).results] == ["TST901", "SEC903"]
    report = run("bad", *checks, skip=["TST901"])
    assert [r.id for r in report.results] == ["TST902", "SEC903"]
    assert ("TST901", "not asked for: left out by --only or --skip") in report.not_checked
    with pytest.raises(ConfigError, match="did you mean 'TST901'"):
        run("bad", *checks, only=["TST9O1"])
    with pytest.raises(ConfigError, match="no check is named 'X'"):
        run("bad", *checks, skip=["X"])


@pytest.mark.parametrize(
    "text",
    [
        "bad  # readybook: ignore[TST901] the word is quoted\n",
        "bad  # readybook: ignore[SEC001, bad-word] the word is quoted\n",
        "bad  # readybook:ignore[TST] the word is quoted\n",
        "# readybook: ignore[TST901] the word is quoted\nbad\n",
        "# readybook: ignore[TST901] the word is quoted\n# and more\nbad\n",
    ],
)
def test_ignore_comments_waive(text):
    report = run(text)
    (waived,) = report.waived
    assert report.results[0].outcome == "waived" and report.results[0].ratio is None
    assert (waived.check, waived.reason) == ("TST901", "the word is quoted")
    assert waived.by == f"a.py:{1 + text.split('readybook')[0].count(chr(10))}"
    assert report.score.overall.counted == 0


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("bad  # readybook: ignore[TST901]\n", "lacks a reason"),
        ("bad  # readybook: ignore it\n", "lacks a check"),
        ("bad  # readybook: ignore[TST902] another check\n", "names 'TST902'"),
        ("x = 1  # readybook: ignore[TST901] not alone on its line\nbad\n", ""),
        ("# readybook: ignore[TST901] too far\n\nbad\n", ""),
        ('x = "# readybook: ignore[TST901] in a string bad"\n', ""),
    ],
)
def test_other_ignore_comments_do_not(text, refused):
    report = run(text)
    assert report.results[0].outcome == "failed" and not report.waived
    rows = [why for what, why in report.not_checked if what == "a.py:1"]
    assert len(rows) == bool(refused) and all(refused in why for why in rows)


def test_an_ignore_comment_on_any_line_of_the_span_counts():
    class Long(Words):
        """It is long."""

        def find(self, project):
            yield Finding(Place("Dockerfile", 1, end_line=3), "long")

    dockerfile = "RUN a \\\n  b \\\n  c # readybook: ignore[TST901] needed\n"
    assert run({"Dockerfile": dockerfile}, Long()).results[0].outcome == "waived"
    assert run({"Dockerfile": "\n\n\n" + dockerfile[12:]}, Long()).results[0].outcome == "failed"


def test_comments_are_read_without_tokens_too():
    text = "match = 1 ?? 2\nbad  # readybook: ignore[TST901] newer syntax\n"
    (ignore,) = comments("a.py", text)
    assert (ignore.line, ignore.alone, ignore.reason) == (2, False, "newer syntax")


def test_the_targets_ignore_comments_can_be_left_aside():
    report = run("bad  # readybook: ignore[TST901] reason\n", config=Config(inline=False))
    assert report.results[0].outcome == "failed"


def waive(**values) -> Config:
    entry = Waiver(**{"check": "TST901", "reason": "accepted", "by": "readybook.toml [[waive]] 1", **values})
    return Config(source="readybook.toml", waivers=(entry,))


def test_waivers_of_the_configuration():
    files = {"app/a.py": "bad\n", "tests/b.py": "bad\ngood\n"}
    report = run(files, config=waive(path="tests/*"))
    assert places(report) == ["app/a.py:1"]
    assert [(str(w.finding.place), w.reason, w.by) for w in report.waived] == [
        ("tests/b.py:1", "accepted", "readybook.toml [[waive]] 1")]
    assert report.results[0].ratio == 0.5  # one right, one open
    assert ("findings of TST901 in tests/*", "waived by readybook.toml [[waive]] 1: accepted") in report.not_checked


@pytest.mark.parametrize(("until", "outcome"), [(TODAY, "waived"), (TODAY - dt.timedelta(1), "failed")])
def test_a_waiver_holds_until_its_last_day(until, outcome):
    report = run("bad\n", config=waive(until=until))
    assert report.results[0].outcome == outcome
    assert any("expired" in why for _, why in report.not_checked) == (outcome == "failed")


def test_a_waiver_that_names_no_check_is_listed():
    report = run("bad\n", config=waive(check="ABC"))
    assert ("readybook.toml [[waive]] 1 (ABC)",
            "the waiver is not honoured: it names 'ABC', which is no check here") in report.not_checked


def attest(**values) -> Config:
    given = {"check": "SEC903", "who": "Ops", "when": TODAY, "evidence": "the gateway does it", "by": "a", **values}
    return Config(source="readybook.toml", attestations=(Attestation(**given),))


@pytest.mark.parametrize("text", ["bad\n", "bad\ngood\n", "maybe\n"])
def test_an_attestation_answers_an_attestable_check(text):
    before = run(text, Attestable())
    assert before.score.overall.counted == 0
    report = run(text, Attestable(), config=attest())
    (result,) = report.results
    assert (result.outcome, result.ratio, result.findings) == ("attested", 1.0, ())
    assert result.reason == "attested by Ops on 2026-11-20: the gateway does it"
    assert report.score.overall.value == 10.0
    assert len(report.waived) == ("bad" in text) and report.effort.likely == 0


@pytest.mark.parametrize(
    ("text", "config", "why"),
    [
        ("good\n", attest(), "not used"),
        ("bad\n", attest(expires=TODAY - dt.timedelta(1)), "expired on 2026-11-19"),
        ("bad\n", attest(when=TODAY + dt.timedelta(1)), "is to come"),
        ("bad\n", attest(check="TST901"), "not attestable"),
    ],
)
def test_other_attestations_are_listed(text, config, why):
    report = run(text, Attestable(), Words(), config=config)
    assert all(r.outcome != "attested" for r in report.results)
    assert any(what.startswith("a (") and why in reason for what, reason in report.not_checked)


def test_the_report_lists_what_was_not_checked():
    config = Config(source="readybook.toml", exclude=("old/*",), app="a:app", public_api=True, notes=(("n", "why"),))
    project = Project.from_files({"a.py": "maybe\n"})
    report = audit(project, [Words()], config=config.with_options(exclude=["new/*"]), today=TODAY)
    rows = dict(report.not_checked)
    assert rows["files matching old/*"] == "excluded by readybook.toml"
    assert rows["files matching new/*"] == "excluded by --exclude"
    assert rows["applications other than a:app"] == "readybook.toml chooses the application"
    assert rows["n"] == "why" and "whether routes ask who calls" in rows
    assert rows["TST901 bad-word"].startswith("cannot tell")
    assert "known vulnerabilities of dependencies" in rows


def test_fingerprints_survive_shifted_lines_and_tell_equals_apart():
    one = run("bad\nx\nbad\n").results[0]
    other = run("\n\n# more\n   bad\nx\nbad\n").results[0]
    assert one.fingerprints == other.fingerprints and len(set(one.fingerprints)) == 2
    assert one.fingerprints != run({"b.py": "bad\nx\nbad\n"}).results[0].fingerprints
    assert one.fingerprints[0] == fingerprint("TST901", one.findings[0], 0)
    assert fingerprints("TST902", one.findings) != one.fingerprints


def test_the_report_is_json_of_the_contract():
    report = run({"a.py": "bad\nbad  # readybook: ignore[TST901] why\n", "b.py": "maybe\n"}, Words(), Attestable())
    again = Report.from_json(report.to_json())
    assert again.to_json() == report.to_json()
    data = json.loads(report.to_json())
    assert set(data) == {"schema_version", "readybook_version", "target", "apps", "service", "score", "checks",
                         "waived", "not_checked", "effort"}
    assert data["target"]["lines"] == 3 and data["target"]["files"] == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["good", "bad", "maybe", "elsewhere", "x"]), max_size=8))
def test_any_mixture_of_answers_has_an_outcome_that_fits(lines):
    (result,) = run("\n".join(lines)).results
    assert (result.ratio is None) == (result.outcome in ("unknown", "not_applicable"))
    assert bool(result.findings) == (result.outcome in ("failed", "partial")) == ("bad" in lines)
    assert len(result.fingerprints) == len(set(result.fingerprints)) == lines.count("bad")


@pytest.mark.parametrize(
    ("pattern", "path", "is_covered"),
    [
        ("*", "a/b.py", True), ("tests", "app/tests/x.py", True), ("tests/*", "tests/a/b.py", True),
        ("app/**", "app/a/b.py", True), ("app", "application/a.py", False), ("*.py", "a/b.py", True),
        ("./app/", "app/x.py", True), ("a/b.py", "x/a/b.py", False),
    ],
)
def test_globs_cover_paths(pattern, path, is_covered):
    assert covers(pattern, path) is is_covered
