"""Nothing in a target makes the application model crash, hang or grow: hostile shapes, and mutated samples."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readybook.facts import statements
from readybook.project import Project

APP = "from fastapi import FastAPI, APIRouter, Depends\napp = FastAPI()\n"
SAMPLES = sorted((Path(__file__).parent / "route_cases").glob("*.txt"))
HOSTILE = {
    name: code for name, _, code in
    (part.partition("\n") for part in Path(__file__).with_name("hostile_code.txt").read_text("utf-8").split("=== ")[1:])
}
LINES: dict[str, list[str]] = {  # by construction
    "wide dependencies": [
        "def d0(): ...", *(f"def d{i}(a=Depends(d{i - 1}), b=Depends(d{i - 1})): ..." for i in range(1, 60)),
        "@app.get('/')", "def h(x=Depends(d59)): ...",
    ],
    "doubling conditions": [
        "import os", "p = ''", *(f"if os.getenv('A{i}') == 'x':\n    p = p + 'a'" for i in range(60)),
        "app.get(p)(lambda: 1)",
    ],
    "conditions in conditions": ["x = " + "".join(f"'{i}' if a{i} else " for i in range(300)) + "'z'"],
    "deep brackets": ["x = " + "(" * 90 + "1" + ")" * 90],
    "deep calls": ["x = " + "f(" * 150 + "1" + ")" * 150],
    "a deep sum": ["x = " + " + ".join(["'a'"] * 4000)],
    "deep attributes": ["x = a" + ".b" * 3000],
    "deep blocks": [*("    " * i + f"if a{i}:" for i in range(95)), "    " * 95 + "pass"],
    "many unknown branches": [
        "import os", "def f():", *(f"    if os.urandom({i}):\n        return {i}" for i in range(400)), "x = f()",
    ],
    "branches that call": [
        "import os", "def f0(): return 1",
        *(f"def f{i}():\n  if os.urandom(1):\n    return f{i - 1}()\n  return f{i - 1}()" for i in range(1, 40)),
        "f39()",
    ],
    "a huge literal": [
        "x = [" + "1, " * 100_000 + "]", "y = {" + ", ".join(f"'{i}': {i}" for i in range(20_000)) + "}",
    ],
}
HOSTILE |= {name: "\n".join(lines) + "\n" for name, lines in LINES.items()}


def read(files: dict[str, str]) -> tuple[int, int]:
    """Everything that the application model works out; (routes, interpreter steps)."""
    facts = Project.from_files(files).facts
    everything = facts.program.everything
    assert facts.apps is not None
    assert everything.stumbles == {}  # the guard around each statement is for what no test has met
    return len(facts.routes) + len(facts.unresolved), everything.steps


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_is_read_within_bounds(name: str) -> None:
    _, steps = read({"main.py": APP + HOSTILE[name]})
    assert steps < 1_500_000


def test_a_long_chain_of_modules() -> None:
    files = {f"m{i}.py": f"from m{i + 1} import router\n" for i in range(400)}
    files["m400.py"] = "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/end')\ndef end(): ...\n"
    files["main.py"] = APP + "from m200 import router\napp.include_router(router)\n"
    facts = Project.from_files(files).facts
    assert [r.path for r in facts.routes] == ["/end"]
    files["main.py"] = APP + "from m0 import router\napp.include_router(router)\n"
    assert read(files)[0] <= 1


def test_modules_that_import_each_other() -> None:
    every = "".join(f"from m{j} import *\nimport m{j}\n" for j in range(30))
    files = {f"m{i}.py": f"{every}x{i} = {i}\n" for i in range(30)}
    assert read({**files, "main.py": APP + "from m0 import *\n"})[0] == 0


def samples() -> list[str]:
    """The texts of the route cases."""
    found = []
    for path in SAMPLES:
        for case in path.read_text("utf-8").split("=== ")[1:]:
            found += [part.partition("\n")[2] for part in case.split("--- ")[1:]]
    return [t for t in found if t.strip()]


TEXTS = samples()


def mutated(text: str, seed: int) -> str:
    """A sample with some lines dropped, doubled, swapped or cut, and some words exchanged."""
    pick = random.Random(seed)
    lines = text.split("\n")
    for _ in range(pick.randint(1, 6)):
        i, j = pick.randrange(len(lines)), pick.randrange(len(lines))
        kind = pick.randrange(5)
        if kind == 0:
            lines[i] = ""
        elif kind == 1:
            lines.insert(i, lines[j])
        elif kind == 2:
            lines[i], lines[j] = lines[j], lines[i]
        elif kind == 3:
            lines[i] = lines[i][: pick.randint(0, len(lines[i]))]
        else:
            words = lines[j].split()
            if words and lines[i].split():
                lines[i] = lines[i].replace(pick.choice(lines[i].split()), pick.choice(words))
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_samples_never_crash(seed: int) -> None:
    for n in range(60):
        pick = random.Random(seed * 1000 + n)
        text = mutated(pick.choice(TEXTS), seed * 1000 + n)
        _, steps = read({"main.py": text, "other.py": mutated(pick.choice(TEXTS), n)})
        assert steps < 1_500_000


NAMES = st.sampled_from(["app", "r", "x", "f", "Depends", "APIRouter", "FastAPI", "undefined"])
LEAVES = st.one_of(NAMES, st.integers(-5, 10**30).map(str), st.text("ab{}%/", max_size=8).map(repr),
                   st.just("None"), st.just("..."))
BUILTINS = st.sampled_from(
    "dir sorted vars getattr setattr sum zip enumerate min any all map filter range len iter next reversed isinstance "
    "type str dict set tuple list int hasattr callable round format issubclass".split())
METHODS = st.sampled_from(
    "join format split get items update sort pop append extend keys setdefault replace startswith strip index count "
    "insert partition __dict__ __class__ copy values add union zfill encode title".split())
EXPRESSIONS = st.recursive(LEAVES, lambda inner: st.one_of(
    st.tuples(inner, inner, st.sampled_from("+ * | % / - @ ** >> and or in is <".split())).map(
        lambda t: f"({t[0]} {t[2]} {t[1]})"),
    st.tuples(inner, inner).map(lambda t: f"{t[0]}[{t[1]}]"),
    st.tuples(inner, NAMES, inner).map(lambda t: f"({t[0]}).{t[1]}({t[2]})"),
    st.tuples(NAMES, inner, inner).map(lambda t: f"{t[0]}({t[1]}, *{t[2]}, prefix={t[1]}, **{t[2]})"),
    st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
    st.tuples(inner, inner).map(lambda t: f"{{{t[0]}: {t[1]}, **{t[1]}}}"),
    st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
    st.tuples(inner, inner).map(lambda t: f"[q for q in {t[0]} if {t[1]}]"),
    inner.map(lambda e: f"(lambda z={e}: {e})({e})"),
    st.tuples(inner, inner).map(lambda t: f"'{{}}{{a}}'.format({t[0]}, a={t[1]})"),
    st.tuples(BUILTINS, st.lists(inner, max_size=3)).map(lambda t: f"{t[0]}({', '.join(t[1])})"),
    st.tuples(inner, METHODS, st.lists(inner, max_size=2)).map(lambda t: f"({t[0]}).{t[1]}({', '.join(t[2])})"),
    st.tuples(NAMES, NAMES).map(lambda t: f"f'{{{t[0]}:{{{t[1]}}}}}{{{t[1]}!r:>{{{t[0]}}}}}'"),
), max_leaves=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EXPRESSIONS, min_size=1, max_size=4))
def test_any_expression_has_a_value(expressions: list[str]) -> None:
    lines = [f"x = {expressions[0]}", *(f"app.get({e})({e})\nfor f in {e}:\n    x += {e}" for e in expressions)]
    read({"main.py": APP + "r = APIRouter()\n" + "\n".join(lines) + "\n"})


def test_a_statement_that_cannot_be_followed_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise AttributeError("secret of the target")

    monkeypatch.setitem(statements.STATEMENTS, "del", fails)
    facts = Project.from_files({"main.py": APP + "x = 1\nif y:\n    del x\n@app.get('/a')\ndef a(): ...\n"}).facts
    line = APP.count("\n") + 3
    assert [r.path for r in facts.routes] == ["/a"]
    assert facts.problems == (("main.py", f"line {line} could not be followed (AttributeError)"),)


def folder_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> Path:
    monkeypatch.setenv("READYBOOK_CACHE_DIR", str(tmp_path / "cache"))
    target = tmp_path / "target"
    for name, text in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, encoding="utf-8")
    return target


def test_code_nested_too_deeply_for_the_cache_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{APP}x = {' + '.join(['a'] * 3000)}\n@app.get('/a')\ndef a(): ...\n"
    target = folder_with(tmp_path, monkeypatch, {"main.py": text, "other.py": "y = 1\n"})
    expected, unparsed = (["/a"], []) if sys.version_info[:2] != (3, 12) else ([], ["main.py"])  # it parses less
    for _ in range(2):
        facts = Project.open(target).facts
        assert [r.path for r in facts.routes] == expected and [p for p, _ in facts.modules.unparsed] == unparsed


def test_what_the_cache_holds_is_unmarshalled_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"main.py": APP + "@app.get('/a')\ndef a(): ...\n", "tests/test_a.py": "def test_a():\n    assert 1\n"}
    target = folder_with(tmp_path, monkeypatch, files)
    first = Project.open(target).facts.modules.by_path
    facts = Project.open(target).facts
    assert [r.path for r in facts.routes] == ["/a"]
    test = facts.modules.by_path["tests/test_a.py"]
    assert isinstance(test.lowered, bytes)
    assert test.body == first["tests/test_a.py"].body
    test.lowered = b"damaged"
    assert test.body == first["tests/test_a.py"].body


def test_a_recursion_over_everything_ends_soon() -> None:
    branching = "def name(x):\n    return [name(y) for y in (x, x, x, x, x, x)]\nname(1)\n"
    assert read({"main.py": APP + branching})[1] < 100_000


def test_a_script_has_a_bound_of_its_own() -> None:
    script = "total = 0\n" + "for i in range(1500):\n    for j in range(1500):\n        total += j\n" * 3
    facts = Project.from_files({"main.py": APP, "script.py": script, "z.py": "def f():\n    print(1)\n"}).facts
    assert facts.program.everything.steps < 200_000
    assert [c.path for c in facts.behaviour.calls if c.place.path == "z.py"] == ["print"]


def test_work_that_is_cut_short_is_said() -> None:
    facts = Project.from_files({"main.py": APP + HOSTILE["loops in loops"]}).facts
    assert [u.kind for u in facts.unresolved] == ["budget"]


ODD = (
    "[1].insert(10**30, 1)", "1 << 'a'", "1 << None", "os.walk('a', 'b')", "os.path.dirname('a', 'b')",
    "os.path.basename()", "hasattr()",
    "hasattr(1)", "range(10**9 * 10**9 * 10**9)", "range(1, 2, 3, 4)", "typing.NamedTuple('N', [()])(1)",
    "collections.namedtuple('N', [[]])(1)", "importlib.util.spec_from_file_location('a', 1)",
    "importlib.util.module_from_spec(importlib.util.spec_from_file_location('a', 1))",
    "type('N', (), {})",
)


@pytest.mark.parametrize("expression", ODD)
def test_what_would_fail_at_run_time_does_not_stop_the_statement(expression: str) -> None:
    head = "import os, typing, collections, importlib.util\n"
    facts = Project.from_files({"main.py": f"{APP}{head}x = ({expression}, app.get('/end')(lambda: 1))\n"}).facts
    assert [r.path for r in facts.routes] == ["/end"]


def test_a_base_class_that_is_not_equal_to_itself() -> None:
    code = "INF = 1e400\nclass K(dict, INF - INF): ...\nclass L(INF - INF, K): ...\nx = L().get\n"
    facts = Project.from_files({"main.py": f"{APP}{code}app.get('/end')(lambda: 1)\n"}).facts
    assert [r.path for r in facts.routes] == ["/end"]


def test_a_file_object_whose_path_is_no_text() -> None:
    code = "import json\nf = open('a.json')\nf.__path__ = 5\nx = (f.read(), json.load(f), app.get('/end')(lambda: 1))\n"
    facts = Project.from_files({"main.py": APP + code, "a.json": "{}"}).facts
    assert [r.path for r in facts.routes] == ["/end"]
