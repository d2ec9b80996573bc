"""The parts of verification: the guard and its limits, the copy, git am, comparisons of tests and descriptions."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from readybook.evidence import fingerprints
from readybook.finding import Finding
from readybook.place import Place
from readybook.project import Project
from readybook.verify import reaudit
from readybook.verify.applying import applied
from readybook.verify.children import Limits, Room
from readybook.verify.copying import copied, fresh
from readybook.verify.delivered import Piece
from readybook.verify.running import first_bad
from readybook.verify.starting import Served, described_parts, differences, served_apps, start
from readybook.verify.testing import TestRun, _counts, candidates, read_junit, worse


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return made_room(tmp_path)


def made_room(tmp_path: Path, network: bool = False, **limits: float) -> Room:
    (tmp_path / "target").mkdir(exist_ok=True)
    (tmp_path / "target" / "secret.txt").write_text("mine", encoding="utf-8")
    room = Room(tmp_path / "scratch", tmp_path / "target", Path(sys.executable), network, Limits(**limits))
    room.folder.mkdir()
    room.prepare()
    room.run.mkdir(parents=True)
    return room


def python(room: Room, code: str, seconds: float = 60):
    return room.call([str(room.python), "-c", code], room.run, seconds)


# sys.audit tells the guard what a real call would, without a packet
FAR = [
    "sys.audit('socket.connect', socket.socket(), ('192.0.2.1', 443))",
    "sys.audit('socket.connect', socket.socket(socket.AF_INET6), ('2001:db8::1', 443, 0, 0))",
    "sys.audit('socket.sendto', socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ('192.0.2.1', 53))",
    "sys.audit('socket.getaddrinfo', 'example.invalid', 443, 0, 0, 0)",
    "sys.audit('socket.getaddrinfo', b'127.example.invalid', 443, 0, 0, 0)",
    "sys.audit('socket.gethostbyaddr', '192.0.2.1')",
    "sys.audit('socket.gethostbyname', '127.0.0.1.example.invalid')",
    "sys.audit('socket.connect', socket.socket(socket.AF_UNIX), '/var/run/docker.sock')",
]
NEAR = [
    "sys.audit('socket.connect', socket.socket(), ('127.0.0.1', 1))",
    "sys.audit('socket.connect', socket.socket(), ('127.8.9.10', 1))",
    "sys.audit('socket.connect', socket.socket(socket.AF_INET6), ('::1', 1, 0, 0))",
    "sys.audit('socket.getaddrinfo', 'localhost', 1, 0, 0, 0)",
    "sys.audit('socket.getaddrinfo', None, 1, 0, 0, 0)",
    "sys.audit('socket.sendmsg', socket.socket(), None)",
]


def tried(lines: list[str]) -> str:
    blocks = [f"try:\n    {line}\n    print('allowed')\nexcept OSError as error:\n    print(error)" for line in lines]
    return "\n".join(["import socket, sys", *blocks])


def test_the_guard_refuses_everything_but_this_machine(room):
    said = python(room, tried(FAR)).output.splitlines()
    assert len(said) == len(FAR) and all("was refused" in line for line in said)
    assert "192.0.2.1:443" in room.noted("refused") and "example.invalid" in room.noted("refused")
    assert python(room, tried(NEAR)).output.split() == ["allowed"] * len(NEAR)
    assert room.noted("loaded")


def test_network_lifts_the_guard(tmp_path):
    room = made_room(tmp_path, network=True)
    assert python(room, tried(FAR)).output.split() == ["allowed"] * len(FAR)


def test_a_real_loopback_connection_works_and_a_real_far_one_does_not(room):
    code = """
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b"hello"), daemon=True).start()
print(socket.create_connection(server.getsockname()).recv(5).decode())
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except ConnectionRefusedError as error:
    print(error)
"""
    said = python(room, code).output
    assert "hello\n" in said and "192.0.2.1:80 was refused" in said and "Traceback" not in said


def test_grandchildren_and_own_python_paths_are_guarded_too(room):
    inner = "import sys, socket; sys.audit('socket.getaddrinfo', 'a.invalid', 1, 0, 0, 0)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    assert "was refused" in python(room, outer).output
    command = ["/bin/sh", "-c", f'PYTHONPATH=. python -c "{inner}"']
    assert "was refused" in room.call(command, room.run, 60).output


def test_the_state_before_is_not_run_again(room, tmp_path):
    (tmp_path / "pristine").mkdir()
    copy = copied(tmp_path / "pristine", tmp_path / "copy", None)
    for text in (b"x = 1\n", b"x = 2\n", b"x = 3\n"):
        fresh(copy, room.run, {"m.py": text})
        os.utime(room.run / "m.py", (1_000_000_000, 1_000_000_000))
        assert python(room, "import m; print(f'x = {m.x}')").output.encode() == text
        assert not list(room.folder.rglob("*.pyc"))


def test_the_audited_folder_itself_is_not_used(room):
    secret = room.target / "secret.txt"
    assert "the copy is verified" in python(room, f"print(open({str(secret)!r}).read())").output
    assert room.noted("target") == ("secret.txt",)


def test_no_variable_of_the_caller_comes_along(room, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do not tell")
    ran = python(room, "import os, json; print(json.dumps(dict(os.environ)))")
    seen = json.loads(ran.output)
    assert "do not tell" not in ran.output
    assert seen["HOME"].startswith(str(room.folder)) and seen["TMPDIR"].startswith(str(room.folder))
    assert set(seen) <= {*room.environment({}), "LC_CTYPE"}


def test_time_runs_out_for_a_child_and_all_it_started(room):
    code = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
    ran = python(room, code, seconds=6)
    assert ran.timed_out and ran.code != 0
    assert ended(int(ran.output.split()[0]))


def test_what_a_child_leaves_running_ends_with_it(room):
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    ran = python(room, code)
    assert ran.code == 0 and ran.seconds < 60
    assert ended(int(ran.output))


def ended(pid: int) -> bool:
    """Whether a process ends soon (a killed one may take a moment); one that does not is ended here."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    os.kill(pid, 9)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to its memory limit")
def test_memory_runs_out(tmp_path):
    room = made_room(tmp_path, memory=512 * 1024 * 1024)
    assert "MemoryError" in python(room, "x = bytearray(1024 * 1024 * 1024)").output
    assert python(room, "x = bytearray(1024 * 1024); print('fits')").output == "fits\n"


def test_nothing_of_the_machine_is_shown(room):
    text = f"{room.run}/app/main.py: cannot read /srv/private/keys/db.py, password='hunter2hunter2'"
    shown = room.shown(text)
    assert "app/main.py" in shown and "/srv/private" not in shown and "hunter2hunter2" not in shown
    assert str(room.folder) not in shown


def test_the_copy_leaves_secrets_environments_and_far_links_behind(tmp_path):
    target = tmp_path / "t"
    for path in ("app/main.py", ".env", ".env.example", "deploy/.env", "venv/pyvenv.cfg", "venv/lib.py",
                 "node_modules/x.js", ".git/config", "data.bin"):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(b"\x00text")
    (target / "inside").symlink_to("app/main.py")
    (target / "outside").symlink_to("/etc/hostname")
    (target / "absolute").symlink_to(target / "app")
    copy = copied(target, tmp_path / "copy", frozenset({"deploy/.env"}))
    files = {p.relative_to(copy.folder).as_posix() for p in copy.folder.rglob("*") if not p.is_dir()}
    assert files == {"app/main.py", ".env.example", "deploy/.env", "data.bin", "inside"}
    assert {path for path, _ in copy.left_out} == {".env", "outside", "absolute"}
    fresh(copy, tmp_path / "run", {"app/main.py": b"new", "app/more/x.py": b"y"})
    (tmp_path / "run" / "left.db").write_bytes(b"")
    fresh(copy, tmp_path / "run", {})
    assert (tmp_path / "run/app/main.py").read_bytes() == b"\x00text" and not (tmp_path / "run/left.db").exists()
    with pytest.raises(OSError, match="is a link"):
        fresh(copy, tmp_path / "run", {"inside": b""})


def mail(path: str, old: str, new: str) -> bytes:
    head = "From 0 Mon Sep 17 00:00:00 2001\nFrom: a <b@c>\nDate: Sat, 1 Jan 2000 00:00:00 +0000\nSubject: [PATCH] x\n"
    names = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"
    return f"{head}\n---\n{names}@@ -1 +1 @@\n-{old}\n+{new}\n".encode()


def piece(number: int, data: bytes) -> Piece:
    return Piece(number, "COD901", f"{number}.patch", "t", "safe", "", (), (), (), data)


def test_git_am_goes_on_after_a_patch_that_does_not_apply(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    (base / "a.txt").write_bytes(b"one\r\n")
    (base / ".gitattributes").write_bytes(b"* text eol=lf filter=evil\n")
    steps = applied(
        [piece(1, mail("a.txt", "one\r", "two\r")), piece(2, mail("a.txt", "none", "x")), piece(3, b"no mail"),
         piece(4, mail("../out.txt", "a", "b")), piece(5, mail("a.txt", "two\r", "three\r"))],
        base, tmp_path / "work",
    )
    assert [not step.reason for step in steps] == [True, False, False, False, True]
    assert steps[1].reason == "does not apply: patch failed: a.txt:1"
    assert steps[0].changes == {"a.txt": b"two\r\n"} and steps[4].changes == {"a.txt": b"three\r\n"}
    assert steps[4].own == ("a.txt",) and steps[2].own == ()
    assert (base / "a.txt").read_bytes() == b"one\r\n" and not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize("culprit", range(1, 12))
def test_halving_finds_the_first_bad_state(culprit):
    asked = []
    assert first_bad(11, lambda k: asked.append(k) or k >= culprit) == culprit
    assert len(asked) <= 4


def test_descriptions_are_compared_by_operation_and_schema():
    before = {"info": {"title": "a"}, "paths": {"/x": {"get": {"summary": "s"}, "parameters": []}, "/y": {"put": {}}},
              "components": {"schemas": {"Item": {"type": "object"}}}}
    after = json.loads(json.dumps(before))
    after["paths"]["/x"]["get"]["summary"] = "t"
    after["paths"]["/z"] = {"post": {}}
    del after["paths"]["/y"]
    after["components"]["schemas"]["Other"] = {}
    found = differences(described_parts(before), described_parts(after))
    assert found.added == ("added POST /z", "added schemas Other")
    assert found.altered == ("removed PUT /y", "changed GET /x")
    assert differences(described_parts(before), described_parts(before)).all == []
    assert differences(described_parts(before), None).all == []


def run(passed, failed, outcomes=None, code=0):
    return TestRun(code, passed, failed, outcomes or {})


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        (run(2, 0, {"a": "passed", "b": "passed"}), run(1, 1, {"a": "passed", "b": "failed"}), ("b",)),
        (run(1, 1, {"a": "passed", "b": "failed"}), run(1, 1, {"a": "failed", "b": "passed"}), ("a",)),
        (run(1, 0, {"a": "passed"}), run(0, 0, {"c": "passed"}), ("a",)),
        (run(1, 0, {"a": "passed"}), run(0, 0, {"a": "skipped"}), ("a",)),
        (run(1, 1, {"a": "passed", "b": "failed"}), run(2, 0, {"a": "passed", "b": "passed"}), ()),
        (run(5, 0), run(4, 1), ("4 pass and 1 fail where 5 passed and 0 failed",)),
        (run(5, 1), run(6, 0), ()),
        (run(None, None), run(None, None, code=3), ("the command ended with code 3",)),
        (run(None, None, code=1), run(None, None, code=1), ()),
    ],
)
def test_what_is_worse(before, after, broken):
    assert worse(before, after) == broken


def test_junit_files_are_read_and_hostile_ones_are_not(tmp_path):
    file = tmp_path / "j.xml"
    file.write_text("""<testsuites><testsuite><testcase classname="t" name="a"/>
<testcase classname="t" name="b"><failure/></testcase><testcase classname="t" name="c"><skipped/></testcase>
<testcase classname="t" name="d"/><testcase classname="t" name="d"><error/></testcase>
<testcase classname="t" name="a"/></testsuite></testsuites>""", encoding="utf-8")
    assert read_junit(file) == {"t::a": "passed", "t::b": "failed", "t::c": "skipped", "t::d": "failed",
                                "t::a #2": "passed"}
    file.write_text('<!DOCTYPE x [<!ENTITY a "b">]><testsuites><testcase name="&a;"/></testsuites>', encoding="utf-8")
    assert read_junit(file) == {}
    file.write_text("<testsuites>", encoding="utf-8")
    assert read_junit(file) == {} and read_junit(tmp_path / "none.xml") == {}


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        ("=== 2 failed, 10 passed, 3 warnings, 1 error in 1.20s ===\n", (10, 3)),
        ("10 passed in 0.5s", (10, 0)),
        ("Ran 12 tests in 0.1s\n\nFAILED (failures=1, errors=2, skipped=3)\n", (6, 3)),
        ("Ran 2 tests in 0.1s\n\nOK\n", (2, 0)),
        ("all 10 passed the inspection", (None, None)),
        ("", (None, None)),
    ],
)
def test_closing_lines(output, counts):
    assert _counts({}, output) == counts


def test_where_tests_run():
    def folders(files):
        project = Project.from_files(dict.fromkeys(files, "") | {p: t for p, t in files.items()})
        return [tests.folder for tests in candidates(project, ("svc",))]

    test = "def test_a(): ...\n"
    assert folders({"back/pytest.ini": "[pytest]\n", "back/tests/test_a.py": test, "x.py": ""}) == ["back", ""]
    assert folders({"pyproject.toml": "[tool.pytest.ini_options]\n", "svc/tests/test_a.py": test}) == ["", "svc"]
    assert folders({"app.py": "x = 1\n"}) == []


def finding(line: int, evidence: str = "x", message: str = "m", path: str = "a.py") -> Finding:
    return Finding(Place(path, line), message, evidence=evidence)


def asked(*findings: Finding) -> reaudit.Answers:
    return reaudit.Answers({"C": dict(zip(fingerprints("C", findings), findings, strict=True))}, {})


def test_equal_findings_are_counted_when_some_are_cured():
    before = asked(finding(1), finding(2), finding(3))
    prints = list(before.findings["C"])
    assert reaudit.uncured("C", prints[:1], before, asked(finding(2), finding(3))) == ""
    assert "1 of 1 places" in reaudit.uncured("C", prints[:1], before, before)
    assert reaudit.uncured("C", prints, before, asked()) == ""
    # the patch changed the line, the check finds it all the same
    one = asked(finding(1))
    assert "1 of 1" in reaudit.uncured("C", list(one.findings["C"]), one, asked(finding(1, evidence="y")))
    broken = reaudit.Answers({"C": {}}, {"C": "ValueError: no"})
    assert "could not be asked again: ValueError" in reaudit.uncured("C", prints, before, broken)


def test_a_finding_whose_line_changed_is_not_new():
    before = asked(finding(1), finding(9, "z", "other"))
    assert reaudit.new_findings(before, asked(finding(4, "changed"), finding(9, "z", "other"))) == ()
    [new] = reaudit.new_findings(before, asked(finding(1), finding(9, "z", "other"), finding(2, "n", "n", "b.py")))
    assert (new.check, new.finding.place.path) == ("C", "b.py")


START = """\
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    {up}
    yield
    {down}

app = FastAPI(lifespan=lifespan)
"""


@pytest.mark.parametrize(
    ("text", "started", "reason"),
    [
        (START.format(up="pass", down="pass"), True, ""),
        (START.format(up="raise RuntimeError('no database')", down="pass"), False, "start-up failed: RuntimeError"),
        (START.format(up="pass", down="raise RuntimeError('cannot stop')"), False, "shutdown failed"),
        ("raise SystemExit(3)\napp = 1\n", False, "SystemExit: 3 (back/main.py:1)"),
        ("import os\nos._exit(7)\n", False, "ended with code 7"),
        ("import readybook_absent.deep\n", None, "the module readybook_absent is not installed"),
        ("import back.gone\n", False, "No module named 'back.gone'"),
        ("async def app(scope, receive, send):\n    assert scope['type'] == 'http'\n", True, ""),
    ],
)
def test_starting_an_application(room, text, started, reason):
    (room.run / "back").mkdir()
    (room.run / "back" / "main.py").write_text(text, encoding="utf-8")
    went = start(room, Served("back.main:app", ""), frozenset({"back"}), {})
    assert went.started is started and reason in went.reason
    assert (went.openapi is not None) == ("FastAPI" in text)


def test_the_import_root_is_the_folder_that_the_import_string_counts_from():
    text = "from fastapi import FastAPI\n\napp = FastAPI()\n"
    project = Project.from_files({"backend/app/main.py": text, "backend/app/__init__.py": ""})
    assert served_apps(project.facts) == (Served("app.main:app", "backend"),)
