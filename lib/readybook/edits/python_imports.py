"""Imports: where a new one goes, which statement takes another name, and what a file binds already."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import libcst as cst

from readybook.edits.drafts import Clash, Draft, Splice
from readybook.edits.python_source import PythonSource, dotted
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.intents import EnsureImport
from readybook.records import record

FUTURE, STDLIB, THIRD_PARTY, LOCAL = range(4)
IMPORTS = (cst.Import, cst.ImportFrom)


@record
class Bound:
    """What binds a module-level name: ``module`` and ``name`` of an import, both empty for anything else."""

    module: str = ""
    name: str | None = None


@record
class Line:
    """One top-level import statement: its group, its sorting key, and the offsets of its lines."""

    node: cst.Import | cst.ImportFrom
    statement: cst.SimpleStatementLine
    group: int
    key: tuple[bool, str]
    start: int
    end: int


def ensure_import(work: Work, intent: EnsureImport) -> str:
    """Ask for an import and return the name it binds; raises PatchError when the name means something else there."""
    source = work.source(intent.path)
    wanted = intent.alias or (intent.name if intent.name is not None else intent.module.partition(".")[0])
    bound = bindings(source)
    # ``import a.b`` binds ``a`` and may stand beside ``import a``.
    plain = intent.name is None and intent.alias is None and "." in intent.module
    if plain and f"import {intent.module}" in bound:
        return wanted
    if wanted in bound and not (plain and bound[wanted] == Bound(wanted)):
        if _same_import(work, intent, bound[wanted]):
            return wanted
        raise PatchError(f"{intent.path}: the name {wanted} is taken, so {intent.name or intent.module} "
                         "cannot be imported under it")
    for other in work.wants:
        taken = other.alias or (other.name if other.name is not None else other.module.partition(".")[0])
        if other.path == intent.path and taken == wanted and other != intent and intent.name is not None:
            raise PatchError(f"{intent.path}: two imports are wanted under the name {wanted}")
    if intent not in work.wants:
        work.wants = (*work.wants, intent)
    return wanted


def imported_as(work: Work, intent: EnsureImport) -> str | None:
    """A name that the file has for the object already, under another name than its own too."""
    found = bindings(work.source(intent.path))
    return next((name for name, origin in found.items() if _same_import(work, intent, origin)), None)


def bindings(source: PythonSource) -> dict[str, Bound]:
    """What each module-level name is bound to at run time; imports for typing do not count.

    An import counts before an assignment of the same name: ``try: import x`` with ``x = None`` for its failure.
    """
    found: dict[str, Bound] = {}
    for statement in _run_at_import(source.module.body):
        if isinstance(statement, cst.FunctionDef | cst.ClassDef):
            found[statement.name.value] = Bound()
            continue
        if not isinstance(statement, cst.SimpleStatementLine):
            continue
        for small in statement.body:
            found |= {k: v for k, v in _small_bindings(small).items() if v.module or k not in found}
    return found


def _small_bindings(small: cst.BaseSmallStatement) -> dict[str, Bound]:
    if isinstance(small, cst.Import):
        pairs = [(dotted(a.name), a.evaluated_alias) for a in small.names]
        bound = {alias or m.partition(".")[0]: Bound(m if alias else m.partition(".")[0]) for m, alias in pairs}
        return bound | {f"import {m}": Bound(m) for m, alias in pairs if not alias and "." in m}
    if isinstance(small, cst.ImportFrom) and not isinstance(small.names, cst.ImportStar):
        module = from_module(small)
        return {a.evaluated_alias or a.evaluated_name: Bound(module, a.evaluated_name) for a in small.names}
    targets: list[cst.BaseExpression] = []
    if isinstance(small, cst.Assign):
        targets = [t.target for t in small.targets]
    elif isinstance(small, cst.AnnAssign | cst.AugAssign):
        targets = [small.target]
    names: dict[str, Bound] = {}
    while targets:
        target = targets.pop()
        if isinstance(target, cst.Name):
            names[target.value] = Bound()
        elif isinstance(target, cst.Tuple | cst.List):
            targets += [e.value for e in target.elements]
    return names


def _run_at_import(body: object) -> Iterator[cst.CSTNode]:
    """The statements a module runs at import, inside its branches too; branches for type checkers are left out."""
    for statement in body if isinstance(body, list | tuple) else getattr(body, "body", ()):
        yield statement
        if isinstance(statement, cst.If) and "TYPE_CHECKING" in dotted(statement.test):
            branches: list[object] = [statement.orelse]
        elif isinstance(statement, cst.If | cst.Try | cst.TryStar | cst.With | cst.For | cst.While | cst.Else):
            branches = [statement.body, getattr(statement, "orelse", None), getattr(statement, "finalbody", None)]
            branches += [h.body for h in getattr(statement, "handlers", ())]
        else:
            continue
        for branch in branches:
            if isinstance(branch, cst.If):
                yield from _run_at_import([branch])
            elif branch is not None:
                yield from _run_at_import(getattr(branch, "body", branch))


def from_module(node: cst.ImportFrom) -> str:
    """The module of a ``from`` import, relative dots included."""
    return "." * len(node.relative) + (dotted(node.module) if node.module else "")


def _same_import(work: Work, intent: EnsureImport, origin: Bound) -> bool:
    if not origin.module or origin.name != intent.name:
        return False
    if origin.module == intent.module:
        return True
    # FastAPI passes Starlette's names on: the same thing by either road.
    if intent.name is not None and {_top(origin.module), _top(intent.module)} == {"fastapi", "starlette"}:
        return True
    own = work.modules.file_of(intent.path, origin.module)
    return own is not None and own == work.modules.file_of(intent.path, intent.module)


def _top(module: str) -> str:
    return module.partition(".")[0]


def realise_imports(work: Work, path: str) -> None:
    """Carry out the imports that were asked for in a file, in one go."""
    wants = [w for w in work.wants if w.path == path]
    work.wants = tuple(w for w in work.wants if w.path != path)
    if not wants:
        return
    draft = work.draft(path)
    try:
        work.drafts[path] = draft.plan(_splices(work, path, draft, wants))
    except Clash:
        work.drafts[path] = draft = draft.settled()
        work.drafts[path] = draft.plan(_splices(work, path, draft, wants))


def _splices(work: Work, path: str, draft: Draft, wants: list[EnsureImport]) -> list[Splice]:
    source = work.source(path)
    bound = bindings(source)
    names: dict[str, list[EnsureImport]] = {}
    for want in wants:
        if want.name is not None and _same_import(work, want, bound.get(want.alias or want.name, Bound())):
            continue
        key = want.module if want.name is not None else f"import {want.module} {want.alias}"
        names.setdefault(key, []).append(want)
    head = _head(work, path, source, draft)
    out: list[Splice] = []
    new: list[tuple[int, tuple[bool, str], str]] = []
    for group in names.values():
        module, rest = group[0].module, [_spelled(w) for w in group]
        if group[0].name is None:
            code = f"import {module}" + (f" as {group[0].alias}" if group[0].alias else "")
            new.append((_group(work, path, module), (False, module.lower()), code))
            continue
        merged = _merged(work, path, source, head, module, sorted(rest, key=str.lower))
        if merged is not None:
            out += merged
            continue
        code = f"from {module} import {', '.join(sorted(rest, key=str.lower))}"
        new.append((_group(work, path, module), (True, module.lower()), code))
    return out + _placed(source, head, sorted(new))


def _spelled(want: EnsureImport) -> str:
    return f"{want.name} as {want.alias}" if want.alias and want.alias != want.name else str(want.name)


def _group(work: Work, path: str, module: str) -> int:
    if module == "__future__":
        return FUTURE
    if not module.startswith(".") and module.partition(".")[0] in sys.stdlib_module_names:
        return STDLIB
    return LOCAL if work.modules.is_local(path, module) else THIRD_PARTY


def _head(work: Work, path: str, source: PythonSource, draft: Draft) -> list[Line]:
    """The import statements before the first definition, and before the first module-level line under change.

    A new import placed among them runs before whatever needs it.
    """
    lines: list[Line] = []
    limit = draft.first_touched
    for statement in source.module.body:
        if isinstance(statement, cst.FunctionDef | cst.ClassDef) or source.start(statement) > limit:
            break
        start, end = source.start(statement), source.span(statement)[1]
        if isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], IMPORTS):
            node = statement.body[0]
            assert isinstance(node, IMPORTS)
            module = from_module(node) if isinstance(node, cst.ImportFrom) else dotted(node.names[0].name)
            key = (isinstance(node, cst.ImportFrom), module.lower())
            lines.append(Line(node, statement, _group(work, path, module), key,
                              source.line_start(start), source.line_end(end)))
        elif end > limit:
            break
    return lines


def _merged(
    work: Work, path: str, source: PythonSource, head: list[Line], module: str, names: list[str]
) -> list[Splice] | None:
    """Splices that add names to an existing ``from module import …``, or None when a new statement is better."""
    # isort gives ``from a import b as c`` a line of its own, unless it is told otherwise: others are asked first
    for line in sorted(head, key=_renames):
        node = line.node
        if not isinstance(node, cst.ImportFrom) or isinstance(node.names, cst.ImportStar):
            continue
        if from_module(node) != module or len(line.statement.body) > 1:
            continue
        present = [source.code(a) for a in node.names]
        start, end = source.span(node.names[0])[0], source.span(node.names[-1].name)[1]
        if node.names[-1].asname is not None:
            end = source.span(node.names[-1].asname)[1]
        if "\n" not in source.text[line.start:line.end].rstrip("\r\n"):
            length = len(source.text[line.start:line.end].rstrip("\r\n")) + sum(len(n) + 2 for n in names)
            if length <= work.style(path).length:
                return _inserted(source, node, names, ", ", "", (start, end))
        elif all(source.begins_line(source.span(a)[0]) for a in node.names):
            indent = source.indent_at(start)
            if isinstance(node.names[-1].comma, cst.Comma) and "," not in present[-1]:
                at = source.line_end(end)
                return _inserted(source, node, names, f",{source.newline}", indent, (start, at))
    return None


def _renames(line: Line) -> bool:
    names = line.node.names
    return not isinstance(names, cst.ImportStar) and any(a.asname is not None for a in names)


def _inserted(
    source: PythonSource, node: cst.ImportFrom, names: list[str], mark: str, indent: str, bounds: tuple[int, int]
) -> list[Splice]:
    """Each name before the first one that sorts after it when the present names are sorted, else at the end."""
    assert not isinstance(node.names, cst.ImportStar)
    present = list(node.names)
    folded = [_sort_name(a.evaluated_name) for a in present]
    out = []
    for name in names:
        later = next((a for a, f in zip(present, folded, strict=True) if f > _sort_name(name.split()[0])), None)
        if folded == sorted(folded) and later is not None:
            at = source.span(later)[0] - len(indent)
            out.append(Splice(at, at, f"{indent}{name}{mark}", f"import {name} at {at}"))
        else:
            text = f"{indent}{name}{mark}" if indent else f"{mark}{name}"
            out.append(Splice(bounds[1], bounds[1], text, f"import {name} at {bounds[1]}"))
    return out


def _sort_name(name: str) -> tuple[int, str]:
    """The order that isort and ruff put names in: constants, classes, then the rest."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()


def _placed(source: PythonSource, head: list[Line], new: list[tuple[int, tuple[bool, str], str]]) -> list[Splice]:
    """Splices for whole new statements: beside their group, else as a group of their own in the right order."""
    if not head:
        return _first_imports(source, new)
    out: list[tuple[int, int, Splice]] = []
    newline = source.newline
    spaced = len({line.group for line in head}) < 2 or _separated(source, head)
    blank = newline if spaced else ""
    founded: dict[int, list[str]] = {}
    for group, key, code in new:
        own = [line for line in head if line.group == group]
        if own:
            at = _in_group(source, own, key)
            out.append((at, group, Splice(at, at, _whole_line(source, at, code + newline), f"{code} at {at}")))
        else:
            founded.setdefault(group, []).append(code + newline)
    for group, codes in founded.items():
        before = [line.end for line in head if line.group < group]
        at = max(before, default=min(line.start for line in head))
        text = blank + "".join(codes) if before else "".join(codes) + blank
        out.append((at, group, Splice(at, at, _whole_line(source, at, text), f"import group {group}")))
    return [one for _, _, one in sorted(out, key=lambda item: item[:2])]


def _whole_line(source: PythonSource, at: int, text: str) -> str:
    """Text for an insertion at the start of a line, or at the end of a text whose last line has no line break."""
    if at < len(source.text) or source.text.endswith(("\n", "\r")):
        return text
    return source.newline + text.removesuffix(source.newline)


def _in_group(source: PythonSource, own: list[Line], key: tuple[bool, str]) -> int:
    """Where a statement goes in its group: in order when the run of its package, or the last, is in order.

    Elsewhere it goes after the last of the same package, or the last of all. A comment above a statement stays there.
    """
    runs = [[own[0]]]
    for line in own[1:]:
        if line.start == runs[-1][-1].end:
            runs[-1].append(line)
        else:
            runs.append([line])
    top = _top(key[1])
    run = next((r for r in reversed(runs) if any(_top(line.key[1]) == top for line in r)), runs[-1])
    keys = [line.key for line in run]
    by_module = [k[1] for k in keys]
    if keys == sorted(keys):
        later = next((line for line in run if line.key > key), None)
    elif by_module == sorted(by_module):
        later = next((line for line in run if line.key[1] > key[1]), None)
    else:
        same = [line for line in run if _top(line.key[1]) == top]
        return (same or run)[-1].end
    return _before_comments(source, later.start) if later else run[-1].end


def _separated(source: PythonSource, head: list[Line]) -> bool:
    pairs = [(a, b) for a, b in zip(head, head[1:], strict=False) if a.group != b.group]
    return any(re.search(r"(?:\r\n?|\n)[ \t]*(?:\r\n?|\n)", "\n" + source.text[a.end:b.start]) for a, b in pairs)


def _first_imports(source: PythonSource, new: list[tuple[int, tuple[bool, str], str]]) -> list[Splice]:
    """The first imports of a file: after its docstring, or before its first statement."""
    newline = source.newline
    body = source.module.body
    blocks: dict[int, list[str]] = {}
    for group, _, code in new:
        blocks.setdefault(group, []).append(code)
    code = (newline * 2).join(newline.join(lines) for lines in blocks.values()) + newline
    if not body:
        end = len(source.text)
        lead = "" if not source.text or source.text.endswith(("\n", "\r")) else newline
        return [Splice(end, end, lead + code)]
    first = body[0]
    if isinstance(first, cst.SimpleStatementLine) and _is_docstring(first.body[0]):
        at = source.line_end(source.span(first)[1])
        lead = newline if source.text[:at].endswith(("\n", "\r")) else newline * 2
        return [Splice(at, at, lead + code + ("" if len(body) == 1 or _blank_at(source, at) else newline))]
    at = _before_comments(source, source.line_start(source.start(first)))
    gap = newline * 2 if isinstance(first, cst.FunctionDef | cst.ClassDef) else newline
    return [Splice(at, at, code + gap)]


def _blank_at(source: PythonSource, at: int) -> bool:
    return not source.text[at:source.line_end(at)].strip() and at < len(source.text)


def _before_comments(source: PythonSource, at: int) -> int:
    """The start of the comment lines that stand directly above an offset; the file's own head comment stays above."""
    start = at
    while start:
        above = source.line_start(start - 1)
        if not source.text[above:start].lstrip().startswith("#"):
            return start
        start = above
    return at


def _is_docstring(small: cst.BaseSmallStatement) -> bool:
    return isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString | cst.ConcatenatedString)
