"""Verification from end to end: real patches of small checks, tried on a small real application by its own tests."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from readybook import registry, story
from readybook.__main__ import main
from readybook.check import Check, Hours
from readybook.errors import ConfigError
from readybook.finding import Answer, Finding, Fix
from readybook.intents import EnsureImport, EnsureRequirement, ReplaceExpression
from readybook.place import Place
from readybook.project import Project
from readybook.verify.delivered import adopt, read_verified

APP = """\
import os

from fastapi import FastAPI

app = FastAPI(title="shop")
LABEL = "old"
KEY = os.getenv("SHOP_KEY", "unset")


@app.get("/price")
def price(net: int) -> dict[str, int]:
    return {"gross": net * 2}


@app.get("/sum")
def total() -> dict[str, int]:
    return {"sum": 1 + 1}
"""
TESTS = """\
from fastapi.testclient import TestClient

from shop.main import app

client = TestClient(app)


def test_price():
    assert client.get("/price", params={"net": 4}).json() == {"gross": 8}


def test_sum():
    assert client.get("/sum").json() == {"sum": 2}


def test_is_broken_before():
    assert False
"""


class Swap(Check):
    """An expression stands where another should.

    The fix puts the other one there.
    """

    category, severity, hours, fix_kinds = "code_quality", "medium", Hours(0.5, 1, 2), ("codemod",)
    old, new, safety, module, requirement = "", "", "safe", "", ""

    def find(self, project: Project) -> Iterator[Answer]:
        for path in sorted(project.files):
            for number, line in enumerate(project.text(path).split("\n"), 1):
                if path.endswith("main.py") and self.old in line:
                    place = Place(path, number, line.index(self.old) + 1)
                    yield Finding(place, f"{self.old} stands there", fix=self.fix(place))

    def fix(self, place: Place) -> Fix:
        intents = [ReplaceExpression(place, self.old, self.new)]
        intents += [EnsureImport(place.path, self.module)] if self.module else []
        intents += [EnsureRequirement(self.requirement)] if self.requirement else []
        return Fix("Put the other there", tuple(intents), safety=self.safety, reason="somebody sees it")


class Harmless(Swap):
    """A label is old.

    It becomes new.
    """

    id, name, old, new = "COD901", "label", '"old"', '"new"'


class Wrong(Swap):
    """A price is doubled.

    The fix is wrong: a test says so.
    """

    id, name, old, new = "COD902", "price", "net * 2", "net * 3"


class Broken(Swap):
    """A sum is written out.

    The fix is wrong: the module no longer loads.
    """

    id, name, old, new, module = "COD903", "sum", "1 + 1", "2", "shop.nowhere"


class Renamed(Swap):
    """A path is short.

    The fix says safe and takes an operation away.
    """

    id, name, old, new = "COD904", "path", '"/sum"', '"/total"'


class Required(Swap):
    """A key has a default.

    The fix makes the variable necessary.
    """

    id, name, old, new, safety = "COD905", "key", 'os.getenv("SHOP_KEY", "unset")', 'os.environ["SHOP_KEY"]', "review"


class Absent(Swap):
    """A title is plain.

    The fix adds a package that is not installed.
    """

    id, name, old, new = "COD906", "title", '"shop"', '"Shop"'
    module, requirement = "readybook_absent_package", "readybook-absent-package"


class Watching(Check):
    """The new label is there.

    What one patch writes, another check finds.
    """

    id, name, category, severity = "COD907", "watching", "code_quality", "low"
    hours, fix_kinds = Hours(0.5, 1, 2), ("advice",)

    def find(self, project: Project) -> Iterator[Answer]:
        for path in sorted(project.files):
            if path.endswith("main.py") and '"new"' in project.text(path):
                yield Finding(Place(path, 6), "new there")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "shop project"
    files = {"shop/__init__.py": "", "shop/main.py": APP, "tests/test_shop.py": TESTS, "requirements.txt": "fastapi\n",
             "pytest.ini": PLAIN}
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


# The workbook's own plug-ins for pytest take longer to load than the tests to run.
PLAIN = "[pytest]\naddopts = -p no:nbval -p no:hypothesispytest -p no:xdist\n"
QUICK = ("--test-command", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest")


class Verified:
    def __init__(self, code: int, data: dict, said: str, folder: Path) -> None:
        self.code, self.data, self.said, self.folder = code, data, said, folder
        self.verdicts = {row["check"]: row["verdict"] for row in data["patches"]}
        self.rows = {row["check"]: row for row in data["patches"]}


@pytest.fixture
def verify(monkeypatch, capfd, target, tmp_path):
    """Fix the target with some checks, let ``change`` edit the series, verify it."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def call(*checks: type[Check], change=lambda folder: None, arguments: tuple[str, ...] = QUICK) -> Verified:
        monkeypatch.setattr(registry, "load", lambda: registry.validated([("the tests", c) for c in checks]))
        folder = tmp_path / "patches"
        assert main(["fix", str(target), "--out", str(folder), "--no-cache"]) == 0
        change(folder)
        before = {p: p.read_bytes() for p in sorted(target.rglob("*")) if p.is_file()}
        capfd.readouterr()
        code = main(["verify", str(target), "--patches", str(folder), "--no-cache", *arguments])
        read = capfd.readouterr()
        assert {p: p.read_bytes() for p in sorted(target.rglob("*")) if p.is_file()} == before
        assert json.loads(read.out) == json.loads((folder / "verify.json").read_text(encoding="utf-8"))
        assert str(tmp_path) not in read.out and "/readybook-verify-" not in read.out
        return Verified(code, json.loads(read.out), read.err, folder)

    return call


def test_good_patches_are_verified_and_the_verdict_is_written_back(verify):
    ran = verify(Harmless, Required)
    assert ran.code == 0
    assert ran.verdicts == {"COD901": "verified", "COD905": "review"}
    for row in ran.rows.values():
        assert row["applies"] and row["applies_alone"] and row["parses"] and row["clears"] and row["idempotent"]
        assert row["starts"] is True and row["openapi"] == {"changed": []} and row["new_findings"] == []
        assert row["tests"] == {"before": {"passed": 2, "failed": 1}, "after": {"passed": 2, "failed": 1}}
    assert "SHOP_KEY (tried with the default it had)" in ran.rows["COD905"]["reason"]
    assert ran.data["isolation"]["placeholders"] == ["SHOP_KEY"] and ran.data["isolation"]["guarded"] is True
    series = json.loads((ran.folder / "series.json").read_text(encoding="utf-8"))
    assert [p["verified"]["verdict"] for p in series["patches"]] == [r["verdict"] for r in ran.data["patches"]]
    expected = "2 patches, 1 verified by the project's own 2 tests, 1 needs review; " \
               "the tests pass as before with all 2 of them together."
    assert ran.data["whole"]["summary"] == story.proof(ran.data) == expected and expected in ran.said


def test_a_wrong_patch_is_named_by_its_tests_and_the_rest_is_verified(verify):
    ran = verify(Harmless, Wrong)
    assert ran.code == 1
    assert ran.verdicts == {"COD901": "verified", "COD902": "failed"}
    wrong = ran.rows["COD902"]
    assert wrong["reason"] == "1 of 2 tests that passed no longer pass: tests.test_shop::test_price"
    assert wrong["tests"]["after"] == {"passed": 1, "failed": 2}
    assert ran.rows["COD901"]["tests"]["after"] == {"passed": 2, "failed": 1}
    assert ran.data["whole"]["failed"] == 1 and "1 failed" in ran.data["whole"]["summary"]


def test_a_patch_that_stops_the_start_and_one_that_takes_an_operation_away(verify):
    ran = verify(Harmless, Broken, Renamed)
    assert ran.code == 1
    assert ran.verdicts == {"COD901": "verified", "COD903": "failed", "COD904": "failed"}
    assert "no longer starts: ModuleNotFoundError: No module named 'shop.nowhere'" in ran.rows["COD903"]["reason"]
    assert ran.rows["COD903"]["starts"] is False
    assert "removed GET /sum" in ran.rows["COD904"]["reason"]
    assert {"removed GET /sum", "added GET /total"} <= set(ran.rows["COD904"]["openapi"]["changed"])


def test_a_package_that_is_not_installed_is_named_and_nothing_is_blamed(verify):
    ran = verify(Harmless, Absent)
    assert ran.code == 0
    assert ran.verdicts == {"COD901": "verified", "COD906": "not_run"}
    assert "readybook_absent_package" in ran.rows["COD906"]["reason"]


def test_a_new_finding_needs_review(verify):
    ran = verify(Harmless, Watching, arguments=("--test-command", "true"))
    assert ran.verdicts == {"COD901": "review"}
    [new] = ran.rows["COD901"]["new_findings"]
    assert (new["check"], new["path"], new["line"]) == ("COD907", "shop/main.py", 6)


def edited(old: str, new: str):
    def change(folder: Path) -> None:
        [file] = folder.glob("0001-*.patch")
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('+LABEL = "new"', '+LABEL = "new', "parses", "does not parse: line 6"),
        ('-LABEL = "old"', '-LABEL = "other"', "applies", "does not apply: patch failed: shop/main.py:3"),
        ('+LABEL = "new"', '+LABEL = "old" + ""', "clears", "still finds 1 of 1 places"),
    ],
)
def test_a_patch_file_that_somebody_spoiled(verify, old, new, key, reason):
    ran = verify(Harmless, change=edited(old, new))
    assert (ran.code, ran.verdicts) == (1, {"COD901": "failed"})
    assert ran.rows["COD901"][key] is False and reason in ran.rows["COD901"]["reason"]
    assert "is not the one that series.json names" in ran.rows["COD901"]["reason"]
    assert ran.data["whole"]["edited"] == [1]


def test_a_test_command_whose_tests_have_no_names(verify):
    command = "python -c \"import shop.main as m; assert m.price(4) == {'gross': 8}\""
    ran = verify(Harmless, Wrong, arguments=("--test-command", command))
    assert ran.verdicts == {"COD901": "verified", "COD902": "failed"}
    assert ran.rows["COD902"]["reason"] == "the command ended with code 1"
    assert ran.rows["COD901"]["tests"]["after"] == {"passed": None, "failed": None}


def test_without_anything_to_run_nothing_is_claimed(verify, target):
    (target / "shop" / "main.py").write_text(APP.replace("import os", "import os\nimport readybook_absent"), "utf-8")
    ran = verify(Harmless)
    assert (ran.code, ran.verdicts) == (0, {"COD901": "not_run"})
    assert "the module readybook_absent is not installed" in ran.rows["COD901"]["reason"]
    assert ran.data["whole"]["tests"] is None and ran.rows["COD901"]["clears"] is True


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--patches", "nowhere"], "series.json: cannot be read"), (["--python", "no-such-python"], "no such program"),
     (["--python", "/bin/true"], "does not run"), ([], "required")],
)
def test_wrong_usage_is_exit_2(monkeypatch, target, capfd, arguments, word, tmp_path):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(registry, "load", lambda: registry.validated([("the tests", Harmless)]))
    assert main(["fix", str(target), "--out", str(tmp_path / "patches"), "--no-cache"]) == 0
    capfd.readouterr()
    patches = [] if not arguments or "--patches" in arguments else ["--patches", str(tmp_path / "patches")]
    try:
        code = main(["verify", str(target), *patches, *arguments])
    except SystemExit as error:
        code = error.code
    said = capfd.readouterr()
    assert (code, said.out) == (2, "") and word in said.err


ROW = {"number": 1, "check": "COD901", "sha256": "a", "verdict": "verified", "reason": "9 tests pass"}
WHOLE = {"patches": 1, "verified": 1, "review": 0, "failed": 0, "not_run": 0,
         "tests": {"after": {"passed": 9, "failed": 0}}}


def test_a_report_takes_over_verdicts_of_the_same_patches_only(tmp_path):
    proven = {"schema_version": 1, "patches": [ROW], "whole": WHOLE, "isolation": {"guard": "a guard"}}
    file = tmp_path / "verify.json"
    file.write_text(json.dumps(proven), encoding="utf-8")
    entry = {"number": 4, "check": "COD901", "sha256": "a", "verified": None}
    (tmp_path / "series.json").write_text(json.dumps({"patches": [entry]}), encoding="utf-8")
    adopt(tmp_path, read_verified(file))
    [row] = json.loads((tmp_path / "series.json").read_text(encoding="utf-8"))["patches"]
    assert row["verified"] == {"verdict": "verified", "reason": "9 tests pass"}
    (tmp_path / "series.json").write_text(json.dumps({"patches": [{**entry, "sha256": "b"}]}), encoding="utf-8")
    with pytest.raises(ConfigError, match="other patches"):
        adopt(tmp_path, proven)
    file.write_text(json.dumps({"schema_version": 1, "patches": [{}]}), encoding="utf-8")
    with pytest.raises(ConfigError, match="no result of readybook verify"):
        read_verified(file)


def test_tests_are_found_the_target_changed_since_and_the_report_shows_it_all(verify, target, tmp_path):
    ran = verify(Harmless, change=lambda folder: (target / "more.py").write_text("x = 1\n", "utf-8"), arguments=())
    assert ran.verdicts == {"COD901": "verified"} and ran.data["whole"]["tests"]["command"] == "python -m pytest"
    assert ran.rows["COD901"]["tests"]["before"] == {"passed": 2, "failed": 1}
    assert ran.data["whole"]["base_matches"] is False and "not as it was" in ran.said
    file = str(ran.folder / "verify.json")
    assert main(["report", str(target), "--out", str(tmp_path / "out"), "--no-cache", "--verified", file]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "1 patch, 1 verified by the project's own 2 tests." in page
    assert re.search(r"not a jail", page)
    assert "· verified" in (tmp_path / "out" / "remediation.html").read_text(encoding="utf-8")
