"""Argon2 in place of a fast hash, where one function makes it and comparisons are all that read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from readybook import Fix, Project, advice
from readybook.facts.behaviour import Call
from readybook.facts.modules import Module
from readybook.facts.nodes import nodes
from readybook.facts.passwords import FastHash
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.intents import AddFile, EnsureImport, EnsureRequirement, Intent, RemoveUnusedImport, ReplaceExpression

TITLE = "Hash passwords with Argon2"
MODULE = "password_hashing"
PERSON = "stored hashes, and a column that may be too short for 100 characters, move with it: verify old digests with" \
    " hmac.compare_digest and store PasswordHash.hash(password) of pwdlib at the next sign-in"


def template(algorithm: str) -> str:
    """The module that hashes and compares."""
    text = files(__package__).joinpath(f"{MODULE}.py.tmpl").read_text(encoding="utf-8")
    return text.replace("@algorithm@", algorithm)


def cure(project: Project, one: FastHash) -> Fix:
    """A new module beside the function, its hash and its comparisons replaced; advice where that would not be all."""
    function, module = one.call.site.function, one.call.site.module
    returned = _returned(function.node) if function is not None else None
    if function is None or returned is None or not _plain(returned, one.call.site.node, function.node):
        return advice(TITLE, PERSON)
    uses = list(_uses(project, function))
    edits = [_compared(call) for call, compared in uses if compared] if all(_known(c, k) for c, k in uses) else [None]
    path, name = _home(module)
    if not edits or any(e is None for e in edits) or path in project.present or not name:
        return advice(TITLE, PERSON)
    text = module.source(returned) or ""
    at = module.place(returned)
    password = function.params[-1][0]
    intents: list[Intent] = [AddFile(path, template(one.algorithm)),
                             EnsureRequirement("pwdlib", ">=0.2.1,<1", ("argon2",)),
                             EnsureImport(at.path, name, "argon2_hash"),
                             ReplaceExpression(at, text, f"argon2_hash({password})"),
                             RemoveUnusedImport(at.path, "hashlib")]
    for edit in edits:
        if edit is not None:
            intents += [EnsureImport(edit.place.path, name, "password_matches"), edit]
    return Fix(TITLE, tuple(intents), kinds=("codemod",), safety="review",
               reason="digests that are stored pass until their owners sign in: store argon2_hash(password) there when "
               "needs_new_hash says so, and make the column at least 128 characters wide")


def _returned(node: Node) -> Node | None:
    """What a function of one return statement (and a docstring) returns."""
    body = [s for s in node[6] if not (s[0] == "expr" and s[4][0] == "const")] if node[0] == "def" else []
    return body[0][4] if len(body) == 1 and body[0][0] == "return" else None


def _plain(returned: Node, call: Node, function: Node) -> bool:
    """Whether the function gives ``hashlib.x(password.encode()).hexdigest()`` of its own parameter and no more."""
    hexed = returned[0] == "call" and returned[3][0] == "attr" and returned[3][4] == "hexdigest" and not returned[4]
    if not hexed or returned[3][3] is not call or len(call[4]) != 1 or call[3][4] == "new":
        return False
    name = [p[0] for p in function[5]][-1:]
    return unparse(call[4][0]) in [form for n in name for form in (f"{n}.encode()", f"{n}.encode('utf-8')",
                                                                   f"{n}.encode('utf8')", f"bytes({n}, 'utf-8')")]


def _uses(project: Project, function: Any) -> Iterator[tuple[Call, Node | None]]:
    """Calls of the function, each with the comparison it is a side of."""
    behaviour = project.facts.behaviour
    for call, _ in behaviour.callers.get(id(function.original.node), ()):
        around = call.site.function.node[6] if call.site.function is not None and (
            call.site.function.node[0] == "def") else call.site.module.body
        compared = next((n for n in nodes(around) if n[0] == "cmp" and call.site.node in (
            n[3], *(right for _, right in n[4]))), None)
        yield call, compared


def _known(call: Call, compared: Node | None) -> bool:
    """Whether what becomes of a hash is seen: it is compared here, or stored and not compared under a name."""
    if call.last == "" or call.site.function is None and compared is not None:
        return False
    if compared is not None:
        return len(compared[4]) == 1 and compared[4][0][0] in ("Eq", "NotEq")
    around = call.site.function.node[6] if call.site.function is not None and (
        call.site.function.node[0] == "def") else call.site.module.body
    names = {unparse(t) for s in nodes(around) if s[0] == "assign" and len(s) > 5 and s[5] is call.site.node
             for t in s[4]}
    return not any(n[0] == "cmp" and names & {unparse(n[3]), *(unparse(r) for _, r in n[4])} for n in nodes(around))


def _compared(call: Call) -> ReplaceExpression | None:
    """``stored == digest(password)`` as a call of the new module; None where a query makes the comparison."""
    module: Module = call.site.module
    around = call.site.function.node if call.site.function is not None else ()
    compared = next(n for n in nodes(around) if n[0] == "cmp" and call.site.node in (n[3], n[4][0][1]))
    operator, right = compared[4][0]
    stored = right if compared[3] is call.site.node else compared[3]
    other, password = unparse(stored), unparse(call.site.node[4][-1]) if call.site.node[4] else "…"
    if "…" in other + password or not re.fullmatch(r"[a-z_][\w.]*", other) or not re.fullmatch(r"[\w.]+", password):
        return None
    own = module.source(call.site.node)
    if own is None:
        return None
    sign = "==" if operator == "Eq" else "!="
    old = f"{own} {sign} {other}" if compared[3] is call.site.node else f"{other} {sign} {own}"
    new = f"{'' if sign == '==' else 'not '}password_matches({password}, {other})"
    return ReplaceExpression(module.place(compared), old, new)


def _home(module: Module) -> tuple[str, str]:
    """(path, import name) of the new module beside the one that hashes."""
    folder = module.path.rpartition("/")[0]
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    return f"{folder}/{MODULE}.py" if folder else f"{MODULE}.py", f"{package}.{MODULE}" if package else MODULE
