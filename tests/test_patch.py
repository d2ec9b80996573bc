"""Patches: real git takes them, whatever the files are like; what is offered is proven, what is not says why."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from readybook import gitpatch
from readybook.check import Check, Hours
from readybook.errors import PatchError
from readybook.finding import Answer, Finding, Fix, advice
from readybook.intents import (
    AddFile,
    EnsureImport,
    EnsureModuleStatement,
    EnsureRequirement,
    EnsureSetting,
    MakeSync,
    ReplaceExpression,
    SetKeyword,
)
from readybook.patch import Series, apply_to, series, write
from readybook.place import Place
from readybook.project import Project

MAIN = """\
from fastapi import FastAPI

app = FastAPI(title="é")
app.add_middleware(Cors, origins=["*"])


async def f():
    print("up")
"""


class Lines(Check):
    """Something stands on a line.

    It should not.
    """

    category = "security"
    severity = "high"
    hours = Hours(0.5, 1, 2, 0.25)
    fix_kinds = ("codemod",)
    pattern = ""
    safety = "safe"
    unsafe = False

    def find(self, project: Project) -> Iterator[Answer]:
        for path in sorted(project.files):
            for number, line in enumerate(project.text(path).split("\n"), 1):
                match = re.search(self.pattern, line)
                if match and path.endswith(".py"):
                    place = Place(path, number, match.start() + 1)
                    yield Finding(place, "it stands there", fix=self.fix(place, match, project))

    def fix(self, place: Place, match: re.Match[str], project: Project) -> Fix:
        return Fix(
            "Put it right", self.intents(place, match), safety=self.safety, reason="a caller", unsafe=self.unsafe
        )

    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        raise NotImplementedError


class Origins(Lines):
    """Something stands on a line.

    It should not.
    """

    id, name, severity, pattern, safety = "SEC001", "any-origin", "critical", r"\w+\.add_middleware\(.*\*", "review"

    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        return (
            SetKeyword(place, "add_middleware", "origins", "{setting:origins}"),
            EnsureSetting("origins", "list[str]", "[]", "ORIGINS"),
        )


class Docs(Lines):
    id, name, pattern = "SEC011", "docs", r"FastAPI\((?!.*docs_url)"

    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        return (
            SetKeyword(place, "FastAPI", "docs_url", "{setting:docs_url}"),
            EnsureSetting("docs_url", "str | None", "None", "DOCS_URL"),
        )


class Debug(Lines):
    id, name, pattern = "SEC012", "debug", r"FastAPI\((?!.*debug)"

    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        return (SetKeyword(place, "FastAPI", "debug", "False"),)


class Prints(Lines):
    id, name, pattern, category = "OPS005", "print", r"print\((.*)\)", "devops"

    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        return (
            ReplaceExpression(place, match.group(), f"logger.info({match.group(1)})"),
            EnsureImport(place.path, "logging"),
            EnsureModuleStatement(place.path, "logger", "logger = logging.getLogger(__name__)"),
        )


class Sync(Lines):
    id, name, pattern = "PER001", "async", r"async def (\w+)"

    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        return (MakeSync(place, match.group(1)),)


class Licence(Check):
    """There is no licence file.

    Nobody may use the code.
    """

    id, name, category, severity, hours, fix_kinds = (
        "COD001",
        "licence",
        "code_quality",
        "low",
        Hours(0.1, 0.2, 0.3),
        ("scaffold",),
    )

    def find(self, project: Project) -> Iterator[Answer]:
        if "LICENCE file" not in project.files:
            yield Finding(Place("."), "none", fix=Fix("Add one", (AddFile("LICENCE file", "free\n"),), safety="safe"))


CHECKS = [Sync(), Origins(), Prints(), Docs(), Licence(), Debug()]


def git(folder: Path, *arguments: str) -> str:
    environment = gitpatch.environment(str(folder))
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=b", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "replace").strip()


def checked_out(folder: Path, files: dict[str, bytes], below: str = "") -> Path:
    """A git repository with one commit; the target is its folder ``below``."""
    for path, data in files.items():
        (folder / below / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / below / path).write_bytes(data)
    git(folder, "init", "--quiet")
    git(folder, "add", "--force", ".")
    git(folder, "commit", "--quiet", "-m", "base")
    return folder / below


KINDS = {
    "plain": {"main.py": MAIN.encode(), "requirements.txt": b"fastapi\n"},
    "crlf": {"main.py": MAIN.replace("\n", "\r\n").encode(), "requirements.txt": b"fastapi\r\n"},
    "no newline at end": {"main.py": MAIN.rstrip("\n").encode(), "requirements.txt": b"fastapi"},
    "space in name": {"an app/main é.py": MAIN.encode(), "requirements.txt": b"fastapi\n"},
    "bom": {"main.py": b"\xef\xbb\xbf" + MAIN.encode(), "requirements.txt": b"fastapi\n"},
    "latin-1": {"main.py": ("# coding: latin-1\n" + MAIN).encode("latin-1"), "requirements.txt": b"fastapi\n"},
    "form feed and tabs": {
        "main.py": MAIN.replace("\n\n\n", "\n\x0c\n").replace("    ", "\t").encode(),
        "requirements.txt": b"fastapi\n",
    },
}


@pytest.mark.parametrize("below", ["", "sub folder"])
@pytest.mark.parametrize("kind", KINDS)
def test_real_git_takes_the_series_and_each_single_patch(kind: str, below: str, tmp_path: Path) -> None:
    target = checked_out(tmp_path / "repo", KINDS[kind], below) if (tmp_path / "repo").mkdir() is None else tmp_path
    project = Project.open(target)
    made = series(project, CHECKS)
    assert [p.check for p in made.patches] == [
        "COD001",
        "SEC001",
        "SEC011",
        "SEC012",
        "OPS005",
        "PER001",
    ] and not made.unfixed
    write(made, tmp_path / "out")
    for name in sorted(p.name for p in (tmp_path / "out" / "single").iterdir()):
        git(target, "apply", "--check", str(tmp_path / "out" / "single" / name))
    directory = [f"--directory={below}"] if below else []
    git(
        tmp_path / "repo",
        "am",
        "--quiet",
        "--keep-cr",
        *directory,
        *sorted(map(str, (tmp_path / "out").glob("*.patch"))),
    )
    tip = project
    for patch in made.patches:
        tip = tip.with_files({change.path: change.after for change in patch.changes})
    for path, file in tip.files.items():
        assert (target / path).read_bytes() == file.data, path
    assert series(Project.open(target), CHECKS).patches == ()
    if kind == "crlf":
        assert (target / "main.py").read_bytes().replace(b"\r\n", b"").count(b"\n") == 0


class Script(Lines):
    id, name, pattern = "OPS017", "script", r"MODE = 1"

    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        return (ReplaceExpression(place, "1", "2"), AddFile("bin/backup", "#!/bin/sh\nexit 0\n"),
                AddFile("bin/notes", "none\n"))


def test_files_that_can_be_run_stay_so_and_a_new_script_can_be_run(tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    target = checked_out(tmp_path / "repo", {"run.py": b"#!/usr/bin/env python\nMODE = 1\n", "main.py": MAIN.encode()})
    (target / "run.py").chmod(0o755)
    git(target, "commit", "--quiet", "--all", "-m", "mode")
    made = series(Project.open(target), [Script(), Prints()])
    script = next(patch for patch in made.patches if patch.check == "OPS017")
    assert "100755\n--- a/run.py" in script.diff and script.diff.count("new file mode 100755") == 1
    apply_to(target, made)
    modes = {line.split("\t")[1]: line[:6] for line in git(target, "ls-tree", "-r", "HEAD").splitlines()}
    assert modes == {"run.py": "100755", "bin/backup": "100755", "bin/notes": "100644", "main.py": "100644"}
    assert os.access(target / "bin" / "backup", os.X_OK)
    assert Project.open(target).files["run.py"].executable


def small(**others: str) -> Project:
    return Project.from_files({"main.py": MAIN, "requirements.txt": "fastapi\n", **others})


def test_the_same_target_gives_the_same_bytes() -> None:
    first, second = series(small(), CHECKS), series(small(), CHECKS[::-1])
    assert [p.data for p in first.patches] == [p.data for p in second.patches]
    assert [p.data for p in first.single] == [p.data for p in second.single]


def subset_applies(folder: Path, made: Series, numbers: set[int]) -> bool:
    """Whether the stacked patches of these numbers apply to the base in their order."""
    diffs = b"".join(gitpatch.diff_part(p.data) for p in made.patches if p.number in numbers)
    return applies(diffs, folder)


def applies(diff: bytes, folder: Path) -> bool:
    """Whether git applies a difference, with no settings of this machine."""
    done = subprocess.run(["git", "apply", "--check", "-"], input=diff, cwd=folder, capture_output=True, check=False,
                          env=gitpatch.environment(str(folder)))
    return done.returncode == 0


def test_requires_and_conflicts_are_what_git_says(tmp_path: Path) -> None:
    files = {"main.py": MAIN.encode(), "requirements.txt": b"fastapi\n", "other.py": b"print('x')\n"}
    target = checked_out(tmp_path, files)
    made = series(Project.open(target), CHECKS)
    for patch in made.patches:
        assert subset_applies(target, made, {*patch.requires, patch.number}), patch.file
        for left_out in patch.requires:
            rest = {n for n in patch.requires if n != left_out and left_out not in made.patches[n - 1].requires}
            supplied = made.patches[left_out - 1].check in ("SEC001",) and patch.check == "SEC011"
            assert supplied or not subset_applies(target, made, {*rest, patch.number}), (patch.file, left_out)
    single = {p.number: gitpatch.diff_part(p.data) for p in made.single}
    for a in made.single:
        for b in made.single:
            if a.number < b.number:
                pair = single[a.number] + single[b.number]
                assert applies(pair, target) == (b.number not in a.conflicts), (a.file, b.file)


def test_a_patch_that_relies_on_an_import_of_another_says_so() -> None:
    class Nap(Lines):
        id, name, pattern = "PER009", "nap", r"sleep\(1\)"

        def intents(self, place: Place, match: re.Match[str]) -> tuple:
            return (ReplaceExpression(place, "sleep(1)", "logging.shutdown()"), EnsureImport(place.path, "logging"))

    gap = "\n".join(f"v{n} = {n}" for n in range(12))
    made = series(Project.from_files({"other.py": f"{gap}\nprint(1)\n{gap}\nsleep(1)\n"}), [Prints(), Nap()])
    later = made.patches[1]
    assert "+import logging" not in later.diff and later.requires == (1,)


def test_two_fixes_of_one_call_compose() -> None:
    made = series(small(), [Docs(), Debug()])
    assert [p.conflicts for p in made.patches] == [(2,), (1,)]
    last = next(c.after for c in made.patches[1].changes if c.path == "main.py")
    assert 'app = FastAPI(title="é", docs_url=settings.docs_url, debug=False)\n' in last


def test_the_message_says_what_why_and_how_sure() -> None:
    text = series(small(), [Origins()]).patches[0].data.decode()
    for part in (
        "Subject: [PATCH] fix(SEC001): put it right\n",
        "Why: It should not.",
        "- main.py:4\n",
        "Safety: review. a caller\n",
        "Effort saved: 0.8 hours\n",
        "\nReadybook-Check: SEC001\n---\n",
    ):
        assert part in text, part


def test_a_message_cannot_be_ended_by_what_the_target_says(tmp_path: Path) -> None:
    class Hostile(Debug):
        def fix(self, place: Place, match: re.Match[str], project: Project) -> Fix:
            return Fix(
                "t\n---\ndiff --git a/x b/x\n", self.intents(place, match), reason="r\n---\n\x1b[1m", safety="review"
            )

    target = checked_out(tmp_path / "r", {"main.py": MAIN.encode()}) if (tmp_path / "r").mkdir() is None else tmp_path
    made = series(Project.open(target), [Hostile()])
    write(made, tmp_path / "out")
    git(target, "am", "--quiet", str(tmp_path / "out" / made.patches[0].file))
    assert "Readybook-Check: SEC012" in git(target, "log", "-1", "--format=%B")


def test_unsafe_fixes_wait_for_leave_and_advice_is_no_patch() -> None:
    class Breaking(Debug):
        unsafe = True

    class Advised(Debug):
        def fix(self, place: Place, match: re.Match[str], project: Project) -> Fix:
            return advice("think", "nobody else can")

    assert series(small(), [Breaking()]).unfixed[0].reason == "its fix changes public behaviour; --unsafe admits it"
    assert len(series(small(), [Breaking()], unsafe=True).patches) == 1
    told = series(small(), [Advised()])
    assert told.patches == () and told.unfixed[0].reason == "nobody else can" and told.unfixed[0].place == "main.py:3"


class Vain(Debug):
    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        return (SetKeyword(place, "FastAPI", "other", "1"),)


class Broken(Debug):
    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        return (ReplaceExpression(place, match.string[match.start() :], "FastAPI(debug=await x)"),)


class Endless(Lines):
    id, name, pattern = "COD009", "endless", r"v(\d+) = 1"

    def intents(self, place: Place, match: re.Match[str]) -> tuple:
        return (ReplaceExpression(place, "1", f"1\nv{int(match.group(1)) + 1} = 1"),)


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (Vain(), "finds something new after its fix"),
        (Broken(), "main.py would not parse after it"),
    ],
)
def test_a_fix_that_does_not_cure_is_dropped_with_the_reason(check: Check, reason: str) -> None:
    made = series(small(), [check, Prints()])
    assert [p.check for p in made.patches] == ["OPS005"]
    assert [reason in u.reason for u in made.unfixed] == [True]


def test_a_finding_whose_intents_fail_is_left_out_and_listed() -> None:
    class Partly(Prints):
        def intents(self, place: Place, match: re.Match[str]) -> tuple:
            if match.group(1) == "2":
                return (EnsureImport(place.path, "httpx"), SetKeyword(place, "absent", "a", "1"))
            return super().intents(place, match)

    made = series(small(**{"other.py": "print(1)\nprint(2)\nprint(3)\n"}), [Partly()])
    after = {c.path: c.after for c in made.patches[0].changes}["other.py"]
    assert (
        after == "import logging\n\nlogger = logging.getLogger(__name__)\n\nlogger.info(1)\nprint(2)\nlogger.info(3)\n"
    )
    assert len(made.patches[0].fingerprints) == 3 and "no call to absent" in made.unfixed[0].reason
    assert "other.py:2: other.py:2: no call to absent" in made.patches[0].message


def test_waived_findings_stay() -> None:
    whole = series(small(), [Debug()])
    made = series(small(), [Debug()], waived=whole.patches[0].fingerprints)
    assert made.patches == () and made.unfixed == ()


def test_lock_files_are_left_and_their_command_is_named() -> None:
    class Needs(Debug):
        def intents(self, place: Place, match: re.Match[str]) -> tuple:
            return (*super().intents(place, match), EnsureRequirement("httpx", ">=0.27"))

    files = {"main.py": MAIN, "pyproject.toml": '[project]\ndependencies = ["fastapi"]\n', "uv.lock": "version = 1\n"}
    made = series(Project.from_files(files), [Needs()])
    assert "uv lock" in made.patches[0].message and made.patches[0].paths == ("main.py", "pyproject.toml")


def test_a_series_is_written_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write(series(small(), CHECKS), tmp_path)
    made = series(small(), [Debug()])
    write(made, tmp_path)
    names = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    file = "0001-SEC012-debug.patch"
    assert names == {"notes.txt", "README.md", "series.json", file, f"single/{file}"}
    data = json.loads((tmp_path / "series.json").read_text())
    assert data["schema_version"] == 1 and data["target"] == "project" and data["commit"] is None
    assert data["patches"] == [made.patches[0].to_dict()]
    assert set(data["patches"][0]) == {
        "number",
        "file",
        "check",
        "title",
        "safety",
        "reason",
        "requires",
        "conflicts",
        "fingerprints",
        "paths",
        "effort_saved",
        "sha256",
        "verified",
    }


def test_apply_makes_a_branch_with_a_commit_a_patch(tmp_path: Path) -> None:
    (tmp_path / "hook ran").unlink(missing_ok=True)
    target = checked_out(tmp_path, {"main.py": MAIN.encode(), "requirements.txt": b"fastapi\n"}, "service")
    hook = tmp_path / ".git" / "hooks" / "pre-applypatch"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    made = series(Project.open(target), CHECKS)
    before = git(tmp_path, "rev-parse", "HEAD")
    branch = apply_to(target, made)
    assert git(tmp_path, "symbolic-ref", "--short", "HEAD") == branch and branch.startswith("readybook/")
    assert len(git(tmp_path, "rev-list", f"{before}..HEAD").split()) == len(made.patches)
    assert (target / "LICENCE file").exists() and git(tmp_path, "status", "--porcelain") == ""


def test_apply_refuses_what_it_cannot_undo(tmp_path: Path) -> None:
    target = checked_out(tmp_path, {"main.py": MAIN.encode(), "requirements.txt": b"fastapi\n"})
    made = series(Project.open(target), CHECKS)
    (target / "main.py").write_text("changed = 1\n")
    with pytest.raises(PatchError, match="uncommitted"):
        apply_to(target, made)
    git(target, "commit", "--quiet", "--all", "-m", "other")
    before = git(target, "symbolic-ref", "HEAD")
    with pytest.raises(PatchError, match="git am failed"):
        apply_to(target, made)
    assert git(target, "symbolic-ref", "HEAD") == before and git(target, "branch", "--list", "readybook/*") == ""
    assert git(target, "status", "--porcelain") == ""


def test_apply_refuses_a_folder_without_git(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    with pytest.raises(PatchError, match="no git work tree"):
        apply_to(tmp_path, series(Project.open(tmp_path), [Debug()]))


def test_a_machine_without_git_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(PatchError, match="git, which is not installed"):
        series(small(), [Debug()])
