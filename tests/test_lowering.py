"""Lowering: each newer construct reads in 3.11 with the same lines, the same constants and the same expressions."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readybook.facts import lowering
from readybook.facts.lowering import lower

CALL = re.compile(r"\{(?:!([rsa]))?(:\{\})?\}")


class Parts(ast.NodeTransformer):
    """Brings an f-string and its lowered sum to one shape, and drops what lowering drops."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if hasattr(node, "type_params"):
            node.type_params = []
        return node

    def visit_TypeAlias(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        return ast.Assign([ast.Name(node.name.id, ast.Store())], node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.generic_visit(node)
        return joined([part for value in node.values for part in parts(value) or []])

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        self.generic_visit(node)
        spec = parts(node.format_spec) if node.format_spec else []
        return joined([ast.List([node.value, ast.Constant(node.conversion), joined(spec or [])])])

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        template = getattr(getattr(node.func, "value", None), "value", None)
        match = CALL.fullmatch(template) if isinstance(template, str) else None
        if not match or node.keywords or len(node.args) != (2 if match[2] else 1):
            return node
        spec = parts(node.args[1]) if match[2] else []
        return joined([ast.List([node.args[0], ast.Constant(ord(match[1]) if match[1] else -1), joined(spec or [])])])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        left, right = parts(node.left), parts(node.right)
        if isinstance(node.op, ast.Add) and left is not None and right is not None:
            return joined(left + right)
        return node


def parts(node: ast.AST) -> list[ast.expr] | None:
    """The parts of a string expression, None for another expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [ast.Constant(node.value)]
    return node.elts if isinstance(node, ast.Set) and getattr(node, "string", False) else None


def joined(pieces: list[ast.expr]) -> ast.Set:
    """Parts with neighbouring constants put together."""
    merged: list[ast.expr] = []
    for piece in pieces:
        if isinstance(piece, ast.Constant) and merged and isinstance(merged[-1], ast.Constant):
            merged[-1] = ast.Constant(merged[-1].value + piece.value)
        elif not (isinstance(piece, ast.Constant) and piece.value == ""):
            merged.append(piece)
    node = ast.Set(merged)
    node.string = True
    return node


def shape(text: str) -> str:
    """A comparable form of a text's tree."""
    return ast.dump(Parts().visit(ast.parse(text)))


def statement_lines(text: str) -> list[int]:
    """The line of each statement as libcst counts them in any syntax, sorted."""
    import libcst
    from libcst.metadata import MetadataWrapper, PositionProvider

    places = MetadataWrapper(libcst.parse_module(text)).resolve(PositionProvider)
    kinds = (libcst.BaseSmallStatement, libcst.BaseCompoundStatement)
    return sorted(place.start.line for node, place in places.items() if isinstance(node, kinds))


# name → (newer text, the same in words of 3.11): trees must be equal but for the shape of strings.
PAIRS = {
    "except without parentheses": ("try:\n    a\nexcept A, b.B:\n    c\n", "try:\n    a\nexcept (A, b.B):\n    c\n"),
    "trailing comma": ("try:\n    a\nexcept A, B,:\n    c\n", "try:\n    a\nexcept (A, B,):\n    c\n"),
    "except star": ("try:\n    a\nexcept* A, B:\n    c\n", "try:\n    a\nexcept* (A, B):\n    c\n"),
    "except over a joined line": (
        "try:\n    a\nexcept A, \\\n  B:\n    c\n",
        "try:\n    a\nexcept (A, \\\n  B):\n    c\n",
    ),
    "function": ("def f[T: int, *Ts, **P](a: T) -> T: ...\n", "def f(a: T) -> T: ...\n"),
    "async method": ("class A:\n    async def f[T](self): ...\n", "class A:\n    async def f(self): ...\n"),
    "defaults": ("def f[T = int, *Ts = *tuple[int], **P = [int]](): ...\n", "def f(): ...\n"),
    "class": ("class A[T]: ...\n", "class A: ...\n"),
    "class with bases": ("class A[T](B[T], metaclass=M): ...\n", "class A(B[T], metaclass=M): ...\n"),
    "class with empty bases": ("class A[\n    T,\n](): ...\nx\n", "class A(): ...\n\n\nx\n"),
    "bare class over lines": ("class A[\n    T,\n]:\n    x = 1\n", "class A(\n\n):\n    x = 1\n"),
    "function over lines": (
        "@d\ndef f[\n    T,  # why\n](\n    a,\n):\n    x\n",
        "@d\ndef f(\n\n\n    a,\n):\n    x\n",
    ),
    "alias": ("type X = int\n", "X = int\n"),
    "alias with parameters": ("type X[T: (int, str)] = list[T]\n", "X = list[T]\n"),
    "alias over lines": ("type X[\n    T\n] = list[T]\nx = 1\n", "X = (\n\n    list[T])\nx = 1\n"),
    "type as a name": ("type = 1\ntype (x)\ntype[1]\ntype X = f\n", "type = 1\ntype (x)\ntype[1]\nX = f\n"),
    "same quotes": ('x = f"{a["b"]}"\n', "x = f\"{a['b']}\"\n"),
    "same quotes twice": ("x = f'{f'{a['b']}'}'\n", "x = f'''{f\"{a['b']}\"}'''\n"),
    "four deep": ('x = f"{f"{f"{f"{1 + 1}"}"}"}"\n', "x = f\"\"\"{f'''{f\"{f'{1 + 1}'}\"}'''}\"\"\"\n"),
    "deeper than quotes reach": (
        'x = f"{f"{f"{f"{f"{f"{a}"}"}"}"}"}"\n',
        "x = '{}'.format('{}'.format(f\"\"\"{f'''{f\"{f'{a}'}\"}'''}\"\"\"))\n",
    ),
    "line end in an expression": ('x = f"a {"\\n".join(b)} c"\n', "x = f'a ' + '{}'.format('\\n'.join(b)) + f' c'\n"),
    "tab in an expression": ('x = f"{"\\t".join(b)}"\n', "x = f\"{'\t'.join(b)}\"\n"),
    "conversion and format": (
        'x = f"{"\\n"!r:>{w}}"\n', "x = '{!r:{}}'.format('\\n', f'>{w}')\n",
    ),
    "debugging": ('x = f"{a["b"] = }"\n', "x = 'a[\"b\"] = ' + '{!r}'.format(a['b'])\n"),
    "field over lines": ('x = f"a {\n    b\n} c"\ny\n', 'x = f"""a {\n    b\n} c"""\ny\n'),
    "field over lines in a block": (
        'def f():\n    if a:\n        g(\n            f"a {\n                b(\n                    c,\n'
        '                )\n            }"\n        )\ny\n',
        'def f():\n    if a:\n        g(\n            f"""a {\n                b(\n                    c,\n'
        '                )\n            }"""\n        )\ny\n',
    ),
    "debugging in a block": (
        'def f():\n    x = f"{\n        a["b"]\n        = !r:>{w}}"\n',
        "def f():\n    x = '\\n        a[\"b\"]\\n        = ' + '{!r:{}}'.format(a['b'], f'>{w}')\n",
    ),
    "field with comment": ('x = f"a {  # why "\n    b\n} c"\ny\n', 'x = f"""a {\n    b\n} c"""\ny\n'),
    "nested fields over lines": (
        'x = f"{f"{\n    a\n}"}"\ny\n', "x = f\"\"\"{f'''{\n    a\n}'''}\"\"\"\ny\n",
    ),
    "comment in triple quotes": ('x = f"""\n{\n  a # c\n}\n"""\ny\n', 'x = f"""\n{\n  a\n}\n"""\ny\n'),
    "quote before a call": ('x = f"""say "{"\\n"}" """\n', "x = 'say \"' + '{}'.format('\\n') + '\" '\n"),
    "escaped quote before a call": ('x = f"say \\"{"\\n"}"\n', "x = 'say \"' + '{}'.format('\\n')\n"),
    "raw": ('x = rf"\\d{a["b"]}\\w"\n', "x = rf\"\\d{a['b']}\\w\"\n"),
    "braces": ('x = f"{{{a["b"]}}}"\n', "x = f\"{{{a['b']}}}\"\n"),
    "dictionary in a field": ('x = f"{ {"a": 1}["a"] }"\n', "x = f\"{ {'a': 1}['a'] }\"\n"),
    "bytes in a field": ('x = f"{b"a" + b"\\0"}"\n', "x = '{}'.format(b'a' + b'\\0')\n"),
    "neighbours": ('x = "a" f"{b["c"]}" "d"\n', "x = \"a\" f\"{b['c']}\" \"d\"\n"),
    "neighbours, one in a call": (
        'x = ("a"  # c\n     f"{"\\n"}"\n     "d")\n', "x = ('a'\n + '{}'.format('\\n') +\n'd')\n",
    ),
    "tuple in a call": ('x = f"{a, "\\n"}"\n', "x = '{}'.format((a, '\\n'))\n"),
    "format three deep": ('x = f"{a:{b:{c}}}"\n', "x = '{:{}}'.format(a, '{:{}}'.format(b, f'{c}'))\n"),
    "template": ('x = t"a {b} {c!r:>4}"\n', 'x = f"a {b} {c!r:>4}"\n'),
    "raw template": ('x = rt"\\d{b}", Tr"\\w"\n', 'x = rf"\\d{b}", Fr"\\w"\n'),
    "template inside f-string": ('x = f"{t"{a}"}"\n', "x = f\"{f'{a}'}\"\n"),
    "neighbouring templates": (
        "x = t'a {b}' t\"{c}\"\ny = \"it's t'\"\n",
        "x = f'a {b}' f\"{c}\"\ny = \"it's t'\"\n",
    ),
    "all at once": (
        "class A[T](B):\n    type X = f'{a['b']}'\n    def f[S](self):\n        try:\n"
        "            return t'{self.x['y']}'\n"
        "        except A, B:\n            raise E(f'{'\\n'}') from None\n",
        "class A(B):\n    X = f'{a[\"b\"]}'\n    def f(self):\n        try:\n            return f'{self.x[\"y\"]}'\n"
        "        except (A, B):\n            raise E('{}'.format('\\n')) from None\n",
    ),
    "not ASCII before it": ('é = "ü"; x = f"{a["ß"]}"\n', "é = 'ü'; x = f\"{a['ß']}\"\n"),
    "space behind a conversion": ('x = f"{a!r :>4}{b["c"]}"\n', "x = f\"{a!r:>4}{b['c']}\"\n"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_same_tree_and_lines(name: str) -> None:
    newer, older = PAIRS[name]
    result = lower(newer)
    assert shape(result) == shape(older)
    assert result.count("\n") == newer.count("\n")
    lines = sorted(node.lineno for node in ast.walk(ast.parse(result)) if isinstance(node, ast.stmt))
    if name not in ("neighbouring templates", "raw template"):  # libcst itself has no tree for these
        assert lines == statement_lines(newer)


@pytest.mark.parametrize("name", PAIRS)
def test_same_tree_where_this_python_reads_both(name: str) -> None:
    newer = PAIRS[name][0]
    try:
        ast.parse(newer)
    except SyntaxError:
        with pytest.raises(SyntaxError):  # this Python refuses it: what makes the lowering needed
            compile(newer, "newer", "exec", ast.PyCF_ONLY_AST)
        return
    assert shape(lower(newer)) == shape(newer)


def test_line_ends_of_windows_stay() -> None:
    text = 'def f[\r\n    T\r\n](a):\r\n    return f"{a["b"]}"\r\n'
    result = lower(text)
    assert result.count("\r\n") == result.count("\n") == text.count("\r\n")
    assert ast.parse(result).body[0].body[0].lineno == 4


def test_what_python_3_11_reads_is_left_alone() -> None:
    text = 'x = f"{a[\'b\']:>{w}}\\n" f\'\'\'{\n b}\'\'\'  # f"{a["b"]}"\ntry:\n    pass\nexcept (A, B):\n    pass\n'
    assert lower(text) == text


@pytest.mark.parametrize("text", [
    "def f(:\n", "x = f'{'\n", "print 'a'\n", "type X[] = \n", "(" * 3000, "x = " + "lambda: " * 1200 + "1\n",
    "x = " + 'f"{' * 100 + "1" + '}"' * 100 + "\n", "x = \0\n", "x = '\ud800'\n", "return = 1\n",
], ids=["def", "field", "print", "alias", "brackets", "lambdas", "fields", "null", "surrogate", "keyword"])
def test_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        lower(text)


def test_a_file_that_breaks_libcst_does_not_break_this_process() -> None:
    deep = "x = " + "(" * 20_000 + "1" + ")" * 20_000 + "\n"
    with pytest.raises(ValueError, match="nested too deeply"):
        lower(deep)


def test_a_large_file_is_read_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'type X = int\nx = f"{a["é"]}"\n'
    here = lower(text)
    monkeypatch.setattr(lowering, "MOST_NESTING", 0)
    assert lower(text) == here
    monkeypatch.setattr(lowering, "PATIENCE", 0.001)
    with pytest.raises(ValueError, match="seconds"):
        lower(text)


def test_nothing_of_the_text_is_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    lower(f'x = f"{{open({str(trace)!r}, "w")}}"\n')
    assert not trace.exists()


def test_libcst_is_loaded_only_when_asked() -> None:
    code = "import sys, readybook.facts.lowering; sys.exit('libcst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


NAMES = st.sampled_from(["a", "d['e']", 'd["e"]', "f(1, *g)", "(yield)", "[i for i in x]", "{1: 2}[1]", "x != y"])
QUOTES = st.sampled_from(["'", '"', "'''", '"""'])
WORDS = st.sampled_from(["", "a ", "{{", "}}", "\\n", "\\\\", "é", "#", "\\N{EN DASH}", " 100%"])


@st.composite
def strings(draw: st.DrawFn, depth: int = 3) -> str:
    """An f-string of PEP 701 with nested strings, line ends and comments in its fields."""
    quote = draw(QUOTES)
    text = "f" + quote
    for _ in range(draw(st.integers(0, 3))):
        text += draw(WORDS)
        inner = draw(strings(depth - 1)) if depth and draw(st.booleans()) else draw(NAMES | st.just(r"'\n'"))
        lead = draw(st.sampled_from(["", " ", "\n ", " # c '\"\n"]))
        tail = draw(st.sampled_from(["", " ", "\n", " # c\n"]))
        text += "{" + (lead or " ") + inner + tail + draw(st.sampled_from(["", "!r", ":>4", "!s:{w}"])) + "}"
    return text + quote


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(strings(), strings())
def test_any_strings(first: str, second: str) -> None:
    text = f"def g():\n    x = {first}\n    return [{second},\n    {first}]\ny = 1\n"
    result = lower(text)
    assert result.count("\n") == text.count("\n")
    lines = sorted(node.lineno for node in ast.walk(ast.parse(result)) if isinstance(node, ast.stmt))
    assert lines == statement_lines(text)
    if sys.version_info >= (3, 12):
        assert shape(result) == shape(text)


def test_a_file_that_no_python_reads_is_read_once(tmp_path, monkeypatch) -> None:
    """A refusal is kept, in a project made from another and on disk; what only this run could not tell is not."""
    from readybook.facts import lowering
    from readybook.project import Project

    monkeypatch.setenv("READYBOOK_CACHE_DIR", str(tmp_path / "kept"))
    target = tmp_path / "target"
    target.mkdir()
    (target / "broken.py").write_text("def f(:\n")
    (target / "main.py").write_text("x = 1\n")
    asked: list[str] = []

    def refuse(text: str, error: type[ValueError] = ValueError) -> str:
        asked.append(text)
        raise error("no")

    monkeypatch.setattr(lowering, "lower", refuse)
    project = Project.open(target)
    (said,) = project.facts.modules.unparsed
    assert project.with_files({"main.py": "x = 2\n"}).facts.modules.unparsed == [said]
    assert Project.open(target).facts.modules.unparsed == [said] and len(asked) == 1

    monkeypatch.setattr(lowering, "lower", lambda text: refuse(text, lowering.NotRead))
    (target / "broken.py").write_text("def g(:\n")
    for count in (2, 3):
        assert "no" in Project.open(target).facts.modules.unparsed[0][1] and len(asked) == count
