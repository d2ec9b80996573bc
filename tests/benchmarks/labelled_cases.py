"""Labelled cases of other tools, read from checkouts or bare mirrors of their repositories.

Each tool writes its labels in its own way; here they become one shape: a text, and for each label the lines it is about
and whether a tool must report there. Nothing of the repositories is run.
"""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """One text with its labels: (first line, last line, must be reported). ``rest`` is how many more places must stay
    silent without being named (None: not known); ``name`` tells the case apart in a list."""

    name: str
    text: str
    labels: tuple[tuple[int, int, bool], ...]
    rest: int | None = 0
    whole: bool = False


def text_of(folder: Path, repository: str, commit: str, path: str) -> str | None:
    """A file of a repository as it is at a commit, or at the mirror's head where it has no such commit."""
    for separator in ("+", "__"):
        home = folder / repository.replace("/", separator)
        if (home / path).is_file():
            return (home / path).read_text(encoding="utf-8")
        for git in (home / "repo", home / ".git", home):
            if not (git / "HEAD").is_file():
                continue
            for revision in (commit, "HEAD"):
                shown = subprocess.run(["git", f"--git-dir={git}", "show", f"{revision}:{path}"], capture_output=True)
                if shown.returncode == 0:
                    return shown.stdout.decode("utf-8", "replace")
    return None


def cases(entry: dict[str, Any], folder: Path) -> Iterator[Case]:
    """The cases of one entry of the list; none when its file is not there."""
    text = text_of(folder, entry["repo"], entry["commit"], entry["path"])
    if text is None:
        return
    peer, name = entry["peer"], f"{entry['peer']}:{entry['path']}"
    if peer == "semgrep-rules":
        yield Case(name, text, tuple(by_comments(text, entry["rule"], entry["path"].endswith(".py"))))
    elif peer == "ruff":
        shown = text_of(folder, entry["repo"], entry["commit"], entry["expected_path"]) or ""
        lines = by_snapshot(shown, entry["rule"], Path(entry["path"]).name)
        yield Case(name, text, tuple((*span(text, line), True) for line in lines), entry["n_negative"])
    elif peer == "codemodder":
        for number, (before, after) in enumerate(pairs(text), 1):
            end = before.count("\n") + 1
            yield Case(f"{name}#{number}", before, ((1, end, before.strip() != after.strip()),), whole=True)
    elif peer == "hadolint":
        for number, (file, caught) in enumerate(specified(text, entry["rule"]), 1):
            yield Case(f"{name}#{number}", file, ((1, file.count("\n") + 1, caught),), whole=True)
    elif peer == "kube-linter":
        end = text.count("\n") + 1
        yield Case(name, text, ((1, end, True),) * entry["n_positive"], whole=True)


def by_comments(text: str, rule: str, python: bool) -> Iterator[tuple[int, int, bool]]:
    """Labels that stand in a comment before the line they are about."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        match = re.match(r"\s*#\s*(ruleid|ok)\s*:\s*(.+)", line)
        if match is None or rule not in re.split(r"[,\s]+", match[2].strip()):
            continue
        after = number + 1
        while after <= len(lines) and (not lines[after - 1].strip() or lines[after - 1].lstrip().startswith("#")):
            after += 1
        first, last = span(text, after) if python else (after, after)
        yield first, last, match[1] == "ruleid"


def by_snapshot(shown: str, rule: str, file: str) -> list[int]:
    """The lines that a snapshot of diagnostics names for a rule, each once."""
    found = re.findall(rf"^{rule}\b[^\n]*\n\s*-->\s*{re.escape(file)}:(\d+):", shown, re.M)
    return sorted({int(line) for line in found})


def span(text: str, line: int) -> tuple[int, int]:
    """The lines of the smallest statement that holds a line; the line alone where Python cannot be read."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return line, line
    best: tuple[int, int] | None = None
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        last = node.end_lineno or node.lineno
        compound = isinstance(node, ast.If | ast.For | ast.With | ast.Try | ast.While | ast.AsyncFor | ast.AsyncWith)
        if compound and node.lineno == line:
            last = max(line, getattr(node, "body")[0].lineno - 1)
        if first <= line <= last and (best is None or last - first < best[1] - best[0]):
            best = (first, last)
    return best or (line, line)


def specified(text: str, rule: str) -> Iterator[tuple[str, bool]]:
    """(Dockerfile, must be reported) of each example of a Haskell specification."""
    for block in re.split(r"\n\s+it \"", text)[1:]:
        call = re.search(rf'ruleCatches(Not)?\s+"{rule}"\s*(.*)', block, re.S)
        if call is None:
            continue
        inline = re.match(r'\$?\s*"((?:[^"\\]|\\.)*)"', call[2])
        source = inline[0] if inline else block[: call.start()] if "[" in block[: call.start()] else call[2]
        source = re.sub(r"\s--\s[^\n]*", "", source)
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', source if inline else source[source.index("[") :])
        yield "\n".join(s.encode().decode("unicode_escape") for s in strings) + "\n", call[1] is None


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """(before, after) of each ``run_and_assert``, once for each set of parameters."""
    tree = ast.parse(text)
    constants: dict[str, Any] = {}
    marks: dict[str, ast.expr] = {}
    for s in tree.body:
        if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name):
            marks[s.targets[0].id] = s.value
            try:
                constants[s.targets[0].id] = ast.literal_eval(s.value)
            except ValueError:
                continue
    for test in (f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and f.name.startswith("test")):
        sets = [_parameters(marks.get(d.id, d) if isinstance(d, ast.Name) else d, constants)
                for d in test.decorator_list]
        for chosen in itertools.product(*(s for s in sets if s)):
            values = dict(constants)
            for names in chosen:
                values.update(names)
            yield from _asserted(test, values)


def _parameters(mark: ast.expr, constants: dict[str, Any]) -> list[dict[str, Any]]:
    """The sets of names that a parametrize mark gives; empty for another mark."""
    if not isinstance(mark, ast.Call) or not ast.unparse(mark.func).endswith("parametrize"):
        return []
    try:
        names = ast.literal_eval(mark.args[0])
        given = constants[mark.args[1].id] if isinstance(mark.args[1], ast.Name) else ast.literal_eval(mark.args[1])
    except (ValueError, KeyError):
        return []
    words = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    return [dict(zip(words, v if len(words) > 1 else (v,), strict=False)) for v in given]


def _asserted(test: ast.FunctionDef, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for s in ast.walk(test):
        if isinstance(s, ast.Assign):
            text = _text(s.value, values)
            for target in s.targets:
                if isinstance(target, ast.Name) and text is not None:
                    values[target.id] = text
    for call in (c for c in ast.walk(test) if isinstance(c, ast.Call)):
        if ast.unparse(call.func) != "self.run_and_assert" or len(call.args) < 3:
            continue
        before, after = _text(call.args[1], values), _text(call.args[2], values)
        if before is not None and after is not None:
            yield textwrap.dedent(before), textwrap.dedent(after)


def _text(node: ast.expr, values: dict[str, Any]) -> str | None:
    """A string expression made of constants and parameters; None for any other."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return str(values[node.id]) if node.id in values else None
    if isinstance(node, ast.JoinedStr):
        parts = [_text(p.value, values) if isinstance(p, ast.FormattedValue) else _text(p, values)
                 for p in node.values]
        given = ["5" if part is None and "TIMEOUT" in ast.unparse(p) else part  # a number of theirs
                 for part, p in zip(parts, node.values, strict=True)]
        return None if None in given else "".join(given)
    return None
