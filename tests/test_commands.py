"""The command line: what goes to stdout, what to stderr, and how it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_checks import Attestable, Words

from readybook import registry
from readybook.__main__ import main

CHECKS = registry.validated([("the tests", Words), ("the tests", Attestable)])


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    monkeypatch.setattr(registry, "load", lambda: CHECKS)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.fixture
def target(tmp_path) -> Path:
    folder = tmp_path / "shop"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "a.py").write_text("good = 1\nbad = 1\n", encoding="utf-8")
    (folder / "app" / "b.py").write_text("bad = 1\n", encoding="utf-8")
    return folder


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def run(capfdbinary):
    def call(*arguments: object) -> Ran:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse leaves this way
            code = error.code
        read = capfdbinary.readouterr()
        return Ran(code, read.out.decode(), read.err.decode())

    return call


def process(*arguments: object, env: dict[str, str] | None = None, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "readybook", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})},
                          **options)


def test_audit_as_a_table(run, target):
    ran = run("audit", target, "--only", "TST901")
    assert ran.code == 0 and ran.err == ""
    assert ran.out.startswith("Audit of shop: 2 files, 3 lines of Python\n")
    assert "high      TST901" in ran.out


def test_audit_as_json(run, target):
    ran = run("audit", target, "--format", "json")
    assert ran.code == 0 and ran.json["schema_version"] == 2
    assert [(c["id"], c["outcome"]) for c in ran.json["checks"]] == [("SEC903", "partial"), ("TST901", "partial")]
    assert str(target.parent) not in ran.out


def test_audit_as_markdown(run, target):
    assert run("audit", target, "--format", "markdown").out.startswith("# Audit of shop")


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["--only", "TST"], ["TST901"]), (["--only", "SEC903,bad-word"], ["SEC903", "TST901"]),
        (["--only", "SEC903", "--only", "TST901"], ["SEC903", "TST901"]), (["--skip", "SEC"], ["TST901"]),
        (["--only", "sec"], ["SEC903"]),
    ],
)
def test_only_and_skip(run, target, arguments, ids):
    assert [c["id"] for c in run("audit", target, "--format", "json", *arguments).json["checks"]] == ids


@pytest.mark.parametrize("option", ["--only", "--skip"])
def test_an_unknown_check_is_a_usage_error(run, target, option):
    ran = run("audit", target, option, "bad-wrod")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "readybook: error: no check is named 'bad-wrod'; did you mean 'bad-word'?\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["audit"], ["audit", "x", "--format", "xml"], ["audit", "x", "--fail-under", "11"],
     ["audit", "x", "--fail-on", "severe"], ["report", "x"], ["batch", "x", "--out", "y", "--jobs", "0"],
     ["fix", "x"], ["fix", "x", "--dry-run", "--apply"], ["explain", "XYZ001"], ["explain", "sec9"]],
)
def test_wrong_usage_is_exit_2(run, arguments):
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "") and "error: " in ran.err and "Traceback" not in ran.err


def test_an_unreadable_target_is_exit_2(run, tmp_path, target):
    assert run("audit", tmp_path / "none").err.endswith("does not exist\n")
    assert run("routes", target / "app" / "a.py").err.endswith("is not a folder\n")
    (tmp_path / "empty").mkdir()
    ran = run("audit", tmp_path / "empty")
    assert ran.code == 2 and "holds no Python file" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--fail-under", "9"], 1), (["--fail-under", "3"], 0), (["--fail-on", "critical"], 1),
        (["--fail-on", "critical", "--only", "TST"], 0), (["--fail-on", "high", "--only", "TST"], 1),
        (["--fail-on", "low", "--skip", "TST,SEC"], 0), (["--fail-under", "1", "--skip", "TST,SEC"], 1), ([], 0),
    ],
)
def test_gates(run, target, arguments, code):
    ran = run("audit", target, "--format", "json", *arguments)
    assert ran.code == code and ran.json
    assert ("gate failed" in ran.err) == bool(code)


def test_the_baseline_lets_known_findings_pass(run, target, tmp_path):
    made = run("baseline", target)
    assert made.code == 0 and set(made.json) == {"schema_version", "fingerprints"}
    assert set(next(iter(made.json["fingerprints"].values()))) == {"check", "path"}
    file = tmp_path / "baseline.json"
    file.write_text(made.out, encoding="utf-8")
    assert run("audit", target, "--fail-on", "low", "--baseline", file).code == 0
    (target / "app" / "b.py").write_text("x = 1\n\n\nbad = 1\nbad = 2\n", encoding="utf-8")
    ran = run("audit", target, "--fail-on", "low", "--baseline", file)
    assert ran.code == 1 and "2 open findings that the baseline does not know" in ran.err
    assert run("audit", target, "--baseline", file, "--fail-on", "low", "--skip", "TST,SEC").code == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 1}', '{"schema_version": 9, "fingerprints": {}}'])
def test_a_wrong_baseline_is_exit_2(run, target, tmp_path, text):
    file = tmp_path / "b.json"
    file.write_text(text, encoding="utf-8")
    ran = run("audit", target, "--baseline", file)
    assert (ran.code, ran.out) == (2, "") and "b.json" in ran.err
    assert run("audit", target, "--baseline", tmp_path / "none").code == 2


def test_the_targets_configuration_and_the_options_over_it(run, target, tmp_path):
    config = target / "readybook.toml"
    config.write_text("fail_on = 'low'\nexclude = ['app/b.py']\n", encoding="utf-8")
    ran = run("audit", target, "--format", "json")
    assert ran.code == 1 and ran.json["target"]["files"] == 2  # a.py and readybook.toml itself
    assert {"what": "files matching app/b.py", "why": "excluded by readybook.toml"} in ran.json["not_checked"]
    assert run("audit", target, "--no-target-config").code == 0
    assert run("audit", target, "--fail-on", "critical", "--only", "TST").code == 0
    config.write_text("fail_onn = 'low'\n", encoding="utf-8")
    assert "readybook.toml: key 'fail_onn' is unknown; did you mean 'fail_on'?" in run("audit", target).err
    other = tmp_path / "mine.toml"
    other.write_text("fail_under = 9\n", encoding="utf-8")
    assert run("audit", target, "--config", other).code == 1
    ran = run("audit", target, "--no-target-config", "--exclude", "b.py,*.toml", "--format", "json")
    assert ran.json["target"]["files"] == 1


def test_the_configured_baseline(run, target):
    (target / "base.json").write_text(run("baseline", target).out, encoding="utf-8")
    (target / "readybook.toml").write_text("fail_on = 'low'\nbaseline = 'base.json'\n", encoding="utf-8")
    assert run("audit", target).code == 0
    (target / "base.json").unlink()
    ran = run("audit", target)
    assert ran.code == 2 and "base.json: the baseline cannot be read" in ran.err


def test_checks(run):
    ran = run("checks", "--format", "json")
    assert [c["id"] for c in ran.json] == ["SEC903", "TST901"]
    assert set(ran.json[0]) == {"id", "name", "category", "severity", "title", "hours", "each", "fix_kinds",
                                "references", "attestable", "suppressed_by"}
    assert ran.json[1]["hours"] == [1, 2, 4] and ran.json[1]["each"] == 0.5
    lines = run("checks").out.splitlines()
    assert lines[0].split() == ["ID", "SEVERITY", "CATEGORY", "NAME", "THE", "DEFECT"]
    assert lines[2] == "TST901  high      testing   bad-word      A word that should not be there is there."


@pytest.mark.parametrize("word", ["TST901", "tst901", "bad-word"])
def test_explain(run, word):
    ran = run("explain", word)
    assert ran.code == 0
    assert ran.out.startswith("TST901 bad-word\nA word that should not be there is there.\n")
    assert "Severity    high" in ran.out and "likely 2, each further place 0.5" in ran.out


def test_explain_shows_references_and_examples(monkeypatch, run):
    monkeypatch.undo()
    check = registry.load()[0]
    out = run("explain", check.id).out
    assert check.explanation() in out and all(f"See         {r}" in out for r in check.references)
    for example in check.examples:
        for text in example.files.values():
            assert all(f"    | {line}".rstrip() in out for line in text.splitlines())


def test_routes(run, target):
    text = "from fastapi import FastAPI\n\napp = FastAPI()\n\n@app.get('/x/{y}')\ndef read(y: int): ...\n"
    (target / "main.py").write_text(text, encoding="utf-8")
    ran = run("routes", target, "--format", "json")
    assert set(ran.json) == {"schema_version", "apps", "routes", "unresolved"}
    assert [(r["method"], r["path"], r["line"]) for r in ran.json["routes"]] == [("GET", "/x/{y}", 6)]
    assert run("routes", target).out.split()[:2] == ["GET", "/x/{y}"]


def test_an_app_that_is_not_there_is_exit_2(monkeypatch, run, target):
    monkeypatch.undo()
    ran = run("audit", target, "--app", "no.such:app")
    assert ran.code == 2 and "no.such" in ran.err


CORS = """from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

ORIGINS = ["*"]
app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=ORIGINS, allow_credentials=True)
PASSWORD = "hunter2hunter2"
"""


@pytest.fixture
def open_target(tmp_path, monkeypatch) -> Path:
    monkeypatch.undo()
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "main.py").write_text(CORS, encoding="utf-8")
    (folder / "requirements.txt").write_text("fastapi==0.115.0\npydantic-settings==2.6.0\n", encoding="utf-8")
    return folder


def test_fix_writes_patches(run, open_target, tmp_path):
    out = tmp_path / "patches"
    ran = run("fix", open_target, "--only", "SEC001", "--out", out)
    assert ran.code == 0 and "1 patch for 1 finding" in ran.err
    written = [Path(line) for line in ran.out.splitlines()]
    assert all(path.is_file() for path in written) and out / "series.json" in written
    assert (open_target / "main.py").read_text(encoding="utf-8") == CORS


def test_fix_shows_patches_without_secrets(run, open_target):
    ran = run("fix", open_target, "--only", "SEC001", "--dry-run")
    assert ran.code == 0 and "+++ b/main.py" in ran.out and "hunter2hunter2" not in ran.out
    assert sorted(p.name for p in open_target.iterdir()) == ["main.py", "requirements.txt"]


def test_fix_applies_to_a_clean_repository_only(run, open_target):
    ran = run("fix", open_target, "--only", "SEC001", "--apply")
    assert ran.code == 2 and "git" in ran.err
    assert (open_target / "main.py").read_text(encoding="utf-8") == CORS


def test_report_and_batch_call_what_renders(run, target, tmp_path, monkeypatch):
    from readybook import batch, rendering

    called = []
    made = rendering.Rendered(tmp_path / "r.html", tmp_path / "n.ipynb", tmp_path / "a.json", None)
    monkeypatch.setattr(rendering, "render_report", lambda *a, **k: called.append((a, k)) or made)
    ran = run("report", target, "--out", tmp_path / "out", "--profile", "executive", "--date", "", "--skip", "TST")
    assert ran.code == 0 and ran.out.splitlines() == [str(made.html), str(made.notebook), str(made.json)]
    (arguments, options), = called
    assert arguments == (target, tmp_path / "out")
    assert options["parameters"] == {"profile": "executive", "date": ""} and options["skip"] == ("TST",)

    failed = batch.Batch((), tmp_path / "index.html")
    monkeypatch.setattr(batch, "run_batch", lambda *a, **k: called.append((a, k)) or failed)
    ran = run("batch", target, "--out", tmp_path / "out", "--jobs", "3", "--no-cache")
    assert ran.code == 0 and ran.out == f"{tmp_path / 'index.html'}\n"
    assert called[1][0] == (target, tmp_path / "out", 3) and called[1][1]["options"]["no_cache"] is True


def test_a_failed_batch_target_is_exit_1(run, target, tmp_path, monkeypatch):
    from types import SimpleNamespace

    from readybook import batch

    entry = SimpleNamespace(name="shop")
    made = batch.Batch((batch.Outcome(entry, reason="it broke"),), tmp_path / "index.html")
    monkeypatch.setattr(batch, "run_batch", lambda *a, **k: made)
    ran = run("batch", target, "--out", tmp_path)
    assert ran.code == 1 and "shop: it broke" in ran.err


def test_an_interrupt_is_exit_130(run, target, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "load", interrupted)
    ran = run("audit", target)
    assert (ran.code, ran.out, ran.err) == (130, "", "readybook: interrupted\n")


BROKEN = """import sys, readybook.registry as r
r.load = lambda: 1 / 0
from readybook.__main__ import main
sys.exit(main())
"""


def test_an_internal_error_is_exit_3(target):
    command = [sys.executable, "-c", BROKEN, "audit", str(target)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr == ("readybook: internal error: ZeroDivisionError: division by zero "
                          "(READYBOOK_TRACEBACK=1 shows where)\n")
    ran = subprocess.run(command, capture_output=True, text=True, check=False,
                         env={**os.environ, "READYBOOK_TRACEBACK": "1"})
    assert ran.returncode == 3 and "Traceback" in ran.stderr


def test_the_module_is_the_command(target):
    ran = process("audit", target, "--format", "json")
    assert ran.returncode == 0 and json.loads(ran.stdout)["target"]["name"] == "shop"
    assert process("--version").stdout.startswith("readybook ")


def test_output_is_utf8_whatever_the_terminal(target):
    (target / "app" / "né.py").write_text("x = 1  # readybook: ignore[SEC001] …\n", encoding="utf-8")
    plain = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    ran = process("audit", target, "--format", "json", env=plain, encoding="utf-8")
    assert ran.returncode == 0 and json.loads(ran.stdout)


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--fail-on", "low", "--fail-under", "10"], 1)])
def test_a_reader_that_goes_away_is_no_error(target, arguments, code):
    (target / "main.py").write_text(CORS, encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "readybook", "audit", str(target), *arguments]
    ran = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert ran.returncode == code
    assert "Broken" not in ran.stderr and "Exception" not in ran.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_leaves_quietly(tmp_path):
    # Short sleeps: a signal that comes just before one begins is seen at its end.
    code = ("import time, readybook.registry as r\n"
            "r.load = lambda: (print('x', flush=True), [time.sleep(0.1) for _ in range(600)])\n"
            "import sys\nfrom readybook.__main__ import main\nsys.exit(main())")
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    running = subprocess.Popen([sys.executable, "-c", code, "audit", str(tmp_path)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "x\n"
    time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (130, "readybook: interrupted\n")


def test_audit_as_sarif_and_as_csv(run, target):
    found = run("audit", target, "--only", "TST901", "--format", "sarif").json["runs"][0]["results"]
    rows = run("audit", target, "--only", "TST901", "--format", "csv").out.split("\r\n")
    assert len(found) == 2 == len(rows) - 2 and rows[0].startswith("fingerprint,check,")
    assert found[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "app/a.py"


def test_report_in_formats_without_pages(run, target, tmp_path):
    out = tmp_path / "out"
    ran = run("report", target, "--out", out, "--format", "markdown,csv", "--format", "sarif", "--date", "2026-01-31",
              "--hourly-rate", "90-140", "--hours-per-week", "20")
    assert ran.code == 0, ran.err
    made = {Path(line).name for line in ran.out.split()}
    assert {"audit.json", "summary.md", "findings.csv", "findings.sarif"} <= made and "report.html" not in made
    assert "at 20 hours a week" in (out / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", [("--format", "docx"), ("--hourly-rate", "140-90"), ("--hourly-rate", "much"),
                                   ("--hours-per-week", "0"), ("--budget", "-3")])
def test_report_refuses_what_it_does_not_know(run, target, tmp_path, wrong):
    assert run("report", target, "--out", tmp_path / "out", *wrong).code == 2


def test_report_says_that_there_is_no_browser_for_a_pdf(run, target, tmp_path, monkeypatch):
    monkeypatch.setenv("READYBOOK_BROWSER", "no-such-browser")
    ran = run("report", target, "--out", tmp_path / "out", "--format", "pdf")
    assert ran.code == 2 and "no Chromium was found" in ran.err
