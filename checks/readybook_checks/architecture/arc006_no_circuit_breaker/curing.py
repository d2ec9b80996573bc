"""The breaker that ARC006 adds: its module, around the clients and calls whose code shows where it goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from string import Template

from readybook import Fix, Project, advice
from readybook.facts.behaviour import Call
from readybook.facts.closure import pulled_in
from readybook.facts.nodes import holds, is_node, names_in, nodes, statements
from readybook.facts.objects import Bound, FunctionValue, Instance
from readybook.facts.program import App
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.intents import AddFile, EnsureImport, EnsureSetting, GuardStatement, Intent, ReplaceExpression
from readybook.patterns import regex
from readybook_checks.architecture.app_module import free_module, name_of_reader

LIBRARIES = {
    "purgatory": "async with await breakers.get_breaker(\"…\"): around it",
    "pybreaker": "with breaker.calling(): around it",
    "aiobreaker": "await breaker.call_async(…) in its place",
    "circuitbreaker": "@circuit on the function that makes it",
}
CLIENT = regex(r"httpx(?:\._client)?\.((?:Async)?Client)")
FUNCTION = regex(r"(requests|httpx)(?:\.(?:api|_api))?\.(get|post|put|patch|delete|head|options|request)")
WRAPPERS = {"AsyncClient": "guarded_async_client", "Client": "guarded_client"}
BLOCKS = {"requests": "requests_circuit", "httpx": "httpx_circuit"}
# What runs all its parts, once and in order: the call that stands below these runs whenever the statement does.
STRAIGHT = frozenset(("expr", "assign", "ann", "return", "call", "attr", "sub", "await", "list", "tuple", "dict"))
PLAIN = frozenset(("name", "attr", "const", "fstring", "format", "bin"))
ORIGIN = regex(r"(https?://[\w.:-]+)[/?#]")
SETTINGS = (
    EnsureSetting("circuit_failures", "int", "5", "CIRCUIT_FAILURES",
                  meaning="failures in a row after which a host is not asked for a while"),
    EnsureSetting("circuit_reset_seconds", "float", "30.0", "CIRCUIT_RESET_SECONDS",
                  meaning="seconds after which one call tries such a host again"),
)
TITLE = "Put a circuit breaker for each host around the calls"


def cure(
    project: Project, first: App, app: App, home: tuple[str, str] | None, calls: Sequence[Call], by_hand: Fix
) -> Fix:
    """The module at ``home``, beside the application ``first``, around those calls of ``app`` that are certain.

    ``by_hand`` where there is none, or no place for the module.
    """
    library = next((name for name in LIBRARIES if project.facts.packages.declares(name)), "")
    if library:
        return advice(f"Use {library}, which the project declares: {LIBRARIES[library]}",
                      "what to answer while it is open, and which failures count, is for a person to say")
    if home is None or not settings_at_hand(project.facts):
        return by_hand
    wired, kinds, left = [], set[str](), []
    for call in calls:
        kind, intents = _around(project, first, home[0], call)
        wired += [i for i in intents if i not in wired]
        if kind:
            kinds.add(kind)
        else:
            left.append(call)
    if not wired:
        return by_hand
    more = _left(left) + _header_loss(app)
    return Fix(TITLE, (*SETTINGS, AddFile(home[0], module(kinds)), *wired), kinds=("scaffold",), safety="review",
               reason="after five failures of a host in a row, calls of it fail at once for 30 seconds, as an error of "
               f"their library that is answered 503 where nobody catches it{more}")


def breaker_home(project: Project, app: App) -> tuple[str, str] | None:
    """(path, import name) of the new module; None when there is no place for it."""
    return free_module(project, app, "circuit_breaker", "outbound_circuits")


def _around(project: Project, app: App, home: str, call: Call) -> tuple[str, list[Intent]]:
    """What puts the breaker around one call, and what the module needs for that; ("", []) when it is not certain."""
    made = CLIENT.fullmatch(call.path.rpartition(".")[0])
    if made is not None:
        built = _built(project, app, call, made[1])
        wrapped = [_wrapped(project, app, home, b, WRAPPERS[made[1]]) for b in built]
        return (made[1], [i for one in wrapped for i in one]) if built and all(wrapped) else ("", [])
    function = FUNCTION.fullmatch(call.path)
    statement = _statement(call) if function else None
    address = _address(call)
    text, module_name = call.site.module.source(call.site.node), name_of_reader(project, app, home, call.place.path)
    if function is None or statement is None or not address or text is None or not module_name:
        return "", []
    assert call.site.function is not None
    taken = names_in(call.site.function.node)
    name = next((n for n in ("upstream", "asked_host") if n not in taken), "")
    written = call.site.module.lines_of(statement[1], statement[3])
    if not name or "'''" in written or '"""' in written or "\\\n" in written:
        return "", []
    block = BLOCKS[function[1]]
    place = call.site.module.place(statement, call.site.function.qualname)
    return f"{function[1]} block", [
        EnsureImport(call.place.path, module_name, block),
        ReplaceExpression(call.place, text, f"{name}.saw({_flush(call, text)})"),
        GuardStatement(place, text.partition("(")[0], f"{block}({address}) as {name}", "with"),
    ]


def _built(project: Project, app: App, call: Call, cls: str) -> list[Call]:
    """The construction of the client that a call is made on; where only its type is seen, all that make one in what
    the application loads: a script beside it runs once, and may as well fail."""
    behaviour = project.facts.behaviour
    client = call.site.callee.self if isinstance(call.site.callee, Bound) else None
    node = client.node if isinstance(client, Instance) else None
    if node is not None:
        built = behaviour.by_node.get(id(node))
        return [built] if built is not None and CLIENT.fullmatch(built.path) else []
    if not isinstance(client, Instance):
        return []
    near = pulled_in(project.facts.modules, app.place.path)
    return [c for path in (f"httpx.{cls}", f"httpx._client.{cls}") for c in behaviour.by_path.get(path, ())
            if c.place.path in near]


def _wrapped(project: Project, app: App, home: str, built: Call, wrapper: str) -> list[Intent]:
    """The construction handed to what guards it; empty where an edit could not do that."""
    text, module_name = built.site.module.source(built.site.node), name_of_reader(project, app, home, built.place.path)
    if text is None or "'''" in text or '"""' in text or not module_name:
        return []
    return [EnsureImport(built.place.path, module_name, wrapper),
            ReplaceExpression(built.place, text, f"{wrapper}({_flush(built, text)})")]


def _flush(call: Call, text: str) -> str:
    """The text of a call without the indentation of the line that it begins on, which an edit gives it again."""
    line = call.site.module.lines_of(call.place.line, call.place.line)
    indent = line[:len(line) - len(line.lstrip())]
    first, *rest = text.split("\n")
    return "\n".join([first, *(row.removeprefix(indent) for row in rest)])


def _statement(call: Call) -> Node | None:
    """The simple statement that makes the call whenever it runs; None where that is not so, or the line holds more."""
    function = call.site.function
    if not isinstance(function, FunctionValue) or function.node[0] != "def":
        return None
    body = list(statements(function.node[6]))
    own = next((s for s in body if s[0] in STRAIGHT and holds(s, call.site.node)), None)
    if own is None or sum(s[1] == own[1] for s in body) > 1 or not _straight(own, call.site.node):
        return None
    return own


def _straight(part: Node, wanted: Node) -> bool:
    """Whether only parts that always run, and at once, lead from a statement to a call in it."""
    if part is wanted:
        return True
    if part[0] not in STRAIGHT:
        return False
    return any(_straight(inner, wanted) for inner in _children(part) if holds(inner, wanted))


def _children(part: Node) -> Iterator[Node]:
    """The nodes right below a node."""
    todo = [p for p in part[3:] if isinstance(p, tuple)]
    while todo:
        one = todo.pop()
        if is_node(one):
            yield one
        else:
            todo += [p for p in one if isinstance(p, tuple)]


def _address(call: Call) -> str:
    """An expression that begins with the host of a call, where reading it once more changes nothing; else empty."""
    named = next((v for k, v in call.site.node[5] if k == "url"), None)
    index = 1 if call.last == "request" else 0
    arguments = call.site.node[4]
    if named is None and (len(arguments) <= index or any(a[0] == "star" for a in arguments)):
        return ""
    node = named if named is not None else arguments[index]
    head = node[3][0] if node[0] == "fstring" and node[3] else node
    fixed = ORIGIN.match(head[3]) if head[0] == "const" and isinstance(head[3], str) else None
    if fixed:
        return f'"{fixed[1]}"'
    text = unparse(node)
    return text if all(n[0] in PLAIN for n in nodes(node)) and len(text) <= 60 else ""


def _left(calls: Sequence[Call]) -> str:
    if not calls:
        return ""
    shown = ", ".join(dict.fromkeys(f"{c.place.path}:{c.place.line}" for c in calls[:6]))
    more = " …" if len(calls) > 6 else ""
    return f"; left as they are, since the code does not show where it would go: {shown}{more}"


def _header_loss(app: App) -> str:
    for handler in app.exception_handlers:
        function = handler.target
        if handler.key.rpartition(".")[2] == "HTTPException" and isinstance(function, FunctionValue):
            lines = function.module.text.split("\n")[function.node[1] - 1:function.node[3]]
            if "headers" not in "\n".join(lines):
                return f"; {function.name}() answers without the headers of an HTTPException: hand them on"
    return ""


def module(kinds: set[str]) -> str:
    """The text of the new module for the kinds of calls that it goes around."""
    httpx = bool(kinds & {"AsyncClient", "Client", "httpx block"})
    blocks = bool(kinds & {"httpx block", "requests block"})
    standard = ["from typing import Any"]
    if blocks:
        standard = ["from collections.abc import Iterator",
                    "from contextlib import AbstractContextManager, contextmanager", "from typing import Any, TypeVar",
                    "from urllib.parse import urlsplit"]
    packages = ["import httpx"] * httpx + ["import requests"] * ("requests block" in kinds)
    parts = [_text("httpx_open") if httpx else ""]
    for cls, way, wait in (("AsyncClient", "async def", "await type"), ("Client", "def", "type")):
        parts.append(Template(_text("httpx_client")).substitute(
            name=WRAPPERS[cls], cls=f"httpx.{cls}", async_def=way, await_type=wait) if cls in kinds else "")
    parts += [_text("block") if blocks else "", _text("httpx_block") if "httpx block" in kinds else "",
              _text("requests_block") if "requests block" in kinds else ""]
    answer = "\nAnswer = TypeVar(\"Answer\", bound=Any)\n" if blocks else ""
    text = Template(_text("circuit_breaker")).substitute(
        standard="\n".join(standard), packages="\n".join(packages), answer=answer, parts="".join(parts))
    return text.rstrip("\n") + "\n"


def _text(name: str) -> str:
    return files(__package__).joinpath(f"{name}.py.tmpl").read_text(encoding="utf-8")
