"""ARC011: errors that look like success, or look different each time."""

from __future__ import annotations

import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.nodes import statements
from readybook.facts.objects import FunctionValue
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import EnsureImport, ReplaceLineText
from readybook.patterns import regex
from readybook.place import Place

ERRORS = frozenset({"error", "errors", "error_message", "err"})
RAISED = ("fastapi.exceptions.HTTPException", "fastapi.HTTPException", "starlette.exceptions.HTTPException")
EVIDENT = ((404, r"not found|no such|does(?: not|n't) exist|unknown"), (409, r"already exists|duplicate|already"),
           (401, r"unauthori[sz]ed|invalid (?:credentials|token|password)|not authenticated|log ?in"),
           (403, r"forbidden|permission|not allowed|access denied"),
           (400, r"invalid|missing|required|must |bad "), (500, r"failed|internal|unexpected"))
HEALTH = regex(r"health|ready|live|status|ping", re.IGNORECASE)
# what may stand beside an error in an answer that says nothing else
BESIDE = ERRORS | {"message", "msg", "detail", "details", "code", "status", "success", "ok", "reason",
                   "hint"}
MOST_OFTEN = 0.8


class InconsistentErrors(Check):
    """Errors are answered with status 200, or in several shapes: clients cannot tell failure from success.

    Looked at: handlers that return a dictionary with an ``error`` key, ``success: False`` or ``status: "error"``, and
    set no status; and the ``detail`` of every ``HTTPException``: text in some places, objects in others. Proxies,
    retries, metrics and clients go by the status, and code that reads ``detail`` by its shape.

    Fix (it changes what clients get, so only when asked for): ``raise HTTPException`` with the status that the words
    tell; otherwise advice.
    """

    id = "ARC011"
    name = "inconsistent-errors"
    category = "architecture"
    severity = "medium"
    hours = Hours(1, 3, 6, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/tutorial/handling-errors/", "https://www.rfc-editor.org/rfc/rfc9457")

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each error with a success status, one for mixed shapes; a Right for each that raises."""
        behaviour = project.facts.behaviour
        answers: list[Answer] = []
        for entry in behaviour.entries:
            health = entry.route is not None and HEALTH.search(entry.route.path)  # OPS003 looks at those
            if entry.kind == "handler" and entry.function.node[0] == "def" and not health:
                answers += _returned(project, entry.function)
        raised = behaviour.calls_to(*RAISED)
        answers += [Right(c.place, "an error is raised with its status") for c in raised]
        answers += _shapes(raised)
        yield from answers or [NotApplicable("no handler answers with an error of its own")]


def _returned(project: Project, function: FunctionValue) -> Iterator[Finding]:
    body = function.module.lines_of(function.node[1], function.node[3])
    if "status_code" in body.partition(")")[2] and re.search(r"\.status_code\s*=", body):
        return  # it sets the status of the response itself
    for statement in statements(function.node[6]):
        if statement[0] == "return" and statement[4] is not None and statement[4][0] == "dict":
            message = _error(statement[4])
            if message is not None:
                place = function.module.place(statement, function.qualname)
                yield Finding(
                    place, f"{function.name}() answers {unparse(statement[4])[:80]} with status 200: clients, retries "
                    "and monitoring take it for success.", fix=_fix(project, place, statement, message))


def _error(node: Node) -> Node | None:
    """The message of a dictionary that stands for an error; None for any other."""
    pairs = {k[3]: v for k, v in node[3] if k is not None and k[0] == "const" and isinstance(k[3], str)}
    for key, value in pairs.items():
        if key.lower() in ERRORS and not (value[0] == "const" and value[3] in (None, False, "")):
            return value if {k.lower() for k in pairs} <= BESIDE else None
    failed = [k for k, v in pairs.items() if k in ("success", "ok") and v[0] == "const" and v[3] is False]
    said = [k for k, v in pairs.items() if k == "status" and v[0] == "const" and v[3] in ("error", "failed", "fail")]
    if failed or said:
        return next((pairs[k] for k in ("message", "msg", "detail", "reason") if k in pairs), None)
    return None


def _fix(project: Project, place: Place, statement: Node, message: Node) -> Fix:
    title = "Raise HTTPException with the status that fits"
    status = _status(unparse(message))
    line = project.line(place.path, place.line)
    old = _code_of(line)
    if status is None:
        return advice(title, "which status it is does not show in its words")
    if statement[1] != statement[3] or not old.startswith("return {") or line.count(old) != 1:
        return advice(f"{title} ({status})", "the answer is written over several lines")
    new = f"raise HTTPException(status_code={status}, detail={unparse(message)})"
    if message[0] not in ("const", "fstring"):
        return advice(f"{title} ({status})", "its text is computed")
    shown = old[old.index(":") + 1:].strip().rstrip("}").strip()
    if len(statement[4][3]) == 1 and shown[:1] in "\"'f":
        new = f"raise HTTPException(status_code={status}, detail={shown})"
    elif message[0] == "fstring":
        return advice(f"{title} ({status})", "its text is formatted beside other keys")
    return Fix(f"{title} ({status})", (EnsureImport(place.path, "fastapi", "HTTPException"),
                                       ReplaceLineText(place, old, new)), safety="review", unsafe=True,
               reason=f"clients get status {status} and a detail where they got 200 and an error key")


def _code_of(line: str) -> str:
    """A line without its indent and the comment behind it; empty where it is no statement of its own."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(line.strip() + "\n").readline))
    except (tokenize.TokenError, SyntaxError):
        return ""
    end = next((t.start[1] for t in tokens if t.type in (tokenize.COMMENT, tokenize.NEWLINE)), 0)
    return line.strip()[:end].rstrip()


def _status(words: str) -> int | None:
    return next((status for status, pattern in EVIDENT if re.search(pattern, words, re.IGNORECASE)), None)


def _shapes(raised: list[Call]) -> Iterator[Finding]:
    """One finding where details are mostly of one shape and sometimes of another."""
    shapes: dict[str, list[Call]] = defaultdict(list)
    for call in raised:
        node = next((v for k, v in call.site.node[5] if k == "detail"), None)
        node = call.site.node[4][1] if node is None and len(call.site.node[4]) > 1 else node
        kind = "" if node is None else {"const": "text", "fstring": "text", "dict": "an object",
                                        "list": "a list"}.get(node[0], "")
        if kind:
            shapes[kind].append(call)
    total = sum(len(calls) for calls in shapes.values())
    if len(shapes) < 2 or total < 5:
        return
    usual = max(shapes, key=lambda k: len(shapes[k]))
    for kind, calls in shapes.items():
        if kind != usual and len(shapes[usual]) >= MOST_OFTEN * total:
            yield Finding(
                calls[0].place, f"detail is {kind} in {len(calls)} error{'s' * (len(calls) != 1)} and {usual} in "
                f"{len(shapes[usual])}: a client that reads one fails on the other.", "low", confidence="medium",
                chain=tuple(c.place for c in calls[1:5]), fix=advice(
                    f"Give detail one shape everywhere: here {usual}", "clients may read these details already"))


HEAD = "from fastapi import FastAPI\n\napp = FastAPI()\nITEMS = {1: \"a\"}\n\n\n"
RAISING = "".join(f"\n\n@app.get(\"/{n}\")\ndef r{n}() -> None:\n    raise HTTPException(404, detail={d})\n"
                  for n, d in enumerate(['"a"', '"b"', '"c"', '"d"', '"e"', "{\"code\": 1}"]))
WITH = HEAD.replace("import FastAPI", "import FastAPI, HTTPException")


def _get(answer: str, parameters: str = "key: int") -> str:
    return (f"@app.get(\"/items/{{key}}\")\ndef read({parameters}) -> dict:\n    if key not in ITEMS:\n"
            f"        {answer}\n    return {{\"item\": 1}}\n")


InconsistentErrors.examples = (
    Bad({"main.py": HEAD + _get("return {\"error\": \"Item not found\"}")}, at=("main.py:10",), severity="medium",
        fixed={"main.py": WITH + _get("raise HTTPException(status_code=404, detail=\"Item not found\")")}),
    Bad(  # what stands behind it stays
        {"main.py": HEAD + _get("return {\"error\": \"Item not found\"}  # see W1")}, at=("main.py:10",),
        fixed={"main.py": WITH + _get(
            "raise HTTPException(status_code=404, detail=\"Item not found\")  # see W1")}),
    Bad({"main.py": HEAD + _get("return {\"success\": False, \"message\": \"Sorry\"}")}, at=("main.py:10",)),
    Bad({"main.py": WITH + RAISING}, at=("main.py:36",), severity="low"),
    Good({"main.py": WITH + _get("raise HTTPException(404, \"no\")")}),
    Good({"main.py": HEAD.replace("import FastAPI", "import FastAPI, Response") + _get(
        "response.status_code = 404\n        return {\"error\": \"x\"}", "key: int, response: Response")},
         outcome="not_applicable"),
    Good({"main.py": HEAD + _get("return {\"item\": None, \"error\": None}")}, outcome="not_applicable"),
)
