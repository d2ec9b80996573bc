"""ARC022: the same «load it or answer 404» in one handler after the other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour
from readybook.facts.nodes import blocks, names_in, statements
from readybook.facts.objects import FunctionValue
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.place import Place
from readybook.records import record

FEWEST = 3
DEEPEST = 4


@record
class Lookup:
    """One block: the name it binds, the text of what it loads with, and where."""

    name: str
    text: str
    place: Place
    function: FunctionValue


class RepeatedLookupValidation(Check):
    """The same block that loads a row or answers 404 stands in three handlers or more.

    Looked at: in handlers, an assignment from a call followed by ``if x is None`` (or ``if not x``) that raises a 404,
    compared by the expression that loads. Copies drift apart: one of them forgets the tenant, or answers 400.

    Fix: advice with the dependency that would replace them.
    """

    id = "ARC022"
    name = "repeated-lookup-validation"
    category = "architecture"
    severity = "low"
    hours = Hours(0.5, 2, 4, each=0.25)
    fix_kinds = ("advice",)
    references = ("https://fastapi.tiangolo.com/tutorial/dependencies/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each block that three handlers share; a Right for each that stands alone."""
        groups: dict[str, list[Lookup]] = defaultdict(list)
        for entry in project.facts.behaviour.entries:
            if entry.kind == "handler":
                for lookup in lookups(project.facts.behaviour, entry.function):
                    groups[lookup.text].append(lookup)
        if not groups:
            yield NotApplicable("no handler loads a row and answers 404 where there is none")
        for group in groups.values():
            if len({x.function.path for x in group}) >= FEWEST:
                yield _finding(group)
            else:
                yield Right(group[0].place, "the block stands in fewer than three handlers")


def lookups(behaviour: Behaviour, function: FunctionValue) -> Iterator[Lookup]:
    """Every «load, or 404» of a body, at any depth of its blocks but not in functions inside it."""
    todo = [function.node[6]]
    while todo:
        body = todo.pop()
        for statement, after in zip(body, body[1:], strict=False):
            name = _bound(statement)
            if name is not None and after[0] == "if" and _missing(after[4], name) and _refuses(after[5]):
                text = _normal(behaviour, statement[5], function)
                if text:
                    place = function.module.place(statement, function.qualname, after[3])
                    yield Lookup(name, text, place, function)
        todo += [block for statement in body for block in blocks(statement)]


def _bound(statement: Node) -> str | None:
    if statement[0] != "assign" or len(statement[4]) != 1 or statement[4][0][0] != "name":
        return None
    value = statement[5][3] if statement[5][0] == "await" else statement[5]
    return str(statement[4][0][3]) if value[0] == "call" else None


def _missing(test: Node, name: str) -> bool:
    return unparse(test) in (f"not {name}", f"{name} is None", f"{name} == None")


def _refuses(body: tuple[Node, ...]) -> bool:
    """Whether a block raises something that says 404 or not found."""
    raised = next((s for s in body if s[0] == "raise" and s[4] is not None), None)
    return raised is not None and bool(re.search(r"\b404\b|HTTP_404|NOT_?FOUND|NotFound", unparse(raised[4]),
                                                 re.IGNORECASE))


def _normal(behaviour: Behaviour, value: Node, function: FunctionValue) -> str:
    """The loading expression: what it calls by its full name, local names by what they hold, parameters made alike.

    Empty where a local name is bound more than once: what is loaded then does not show.
    """
    call = value[3] if value[0] == "await" else value
    known = behaviour.by_node.get(id(call))
    text = unparse(value)
    parameters = {p[0] for p in function.params}
    todo = [(name, 0) for name in sorted(names_in(value) - parameters)]
    for name, depth in todo:
        held = [s[5] for s in statements(function.node[6]) if s[0] == "assign" and s[4][0][0] == "name"
                and s[4][0][3] == name and s[5] is not value]
        if len(held) > 1 or held and depth > DEEPEST:
            return ""
        for inner in held:  # a statement, then what it is made of
            text = re.sub(rf"\b{re.escape(name)}\b", lambda _, shown=unparse(inner): f"({shown})", text)
            todo += [(n, depth + 1) for n in sorted(names_in(inner) - parameters)]
    text = f"{known.path if known is not None else ''} {text}"
    for name, annotation, *_ in function.params:
        if name not in text:
            continue
        kind = "session" if "session" in unparse(annotation).lower() or name in ("db", "session") else "id"
        text = re.sub(rf"\b{re.escape(name)}\b(?!\()", f"<{kind}>", text)
    return text


def _finding(group: list[Lookup]) -> Finding:
    functions = list(dict.fromkeys(x.function.name for x in group))
    first = group[0]
    more = f" and {len(functions) - 5} more" if len(functions) > 5 else ""
    names = ", ".join(f"{n}()" for n in functions[:5]) + more
    return Finding(
        first.place, f"{len(functions)} handlers load {first.name} and answer 404 in the same words ({names}).",
        chain=tuple(x.place for x in group[1:6]), fix=advice(
            f"One dependency `async def existing_{first.name}(…)` that loads it or raises, given to the handlers as "
            f"Annotated[…, Depends(existing_{first.name})]",
            "which parameters each handler keeps, and what the tests replace, is for a person to say"))


HEAD = ("from fastapi import FastAPI, HTTPException\nfrom sqlalchemy.orm import Session\n\napp = FastAPI()\n"
        "db: Session = Session()\n\n\nclass Item:\n    pass\n")
BODY = ("    item = db.get(Item, {0})\n    if item is None:\n        raise HTTPException(404, \"no such item\")\n"
        "    return {1}\n")


def _handlers(number: int, body: str = BODY) -> str:
    return "".join(f"\n\n@app.{verb}(\"/items/{{key}}\")\ndef {verb}_item(key: int) -> int:\n" + body.format("key", n)
                   for n, verb in enumerate(("get", "put", "delete", "patch")[:number]))


RepeatedLookupValidation.examples = (
    Bad({"main.py": HEAD + _handlers(3)}, at=("main.py:14",), severity="low"),
    Bad(  # over modules, the parameter under other names, one not
        {f"{n}.py": HEAD.replace("app = FastAPI()", "app = APIRouter()").replace("import FastAPI,", "import APIRouter,")
         + f"\n\n@app.get(\"/{n}/{{{n}_id}}\")\ndef {n}({n}_id: int) -> int:\n" + BODY.format(f"{n}_id", 1).replace(
             "item is None", "not item") for n in ("a", "b", "c")}
        | {"main.py": "from fastapi import FastAPI\nimport a, b, c\n\nroot = FastAPI()\nroot.include_router(a.app)\n"
           "root.include_router(b.app)\nroot.include_router(c.app)\n"}, at=("a.py:14",)),
    Bad({"main.py": HEAD + _handlers(4, BODY.replace("HTTPException(404", "HTTPException(status_code=404, detail"))
         .replace("detail, ", "detail=")}, at=("main.py:14",)),
    Good({"main.py": HEAD + _handlers(2)}),
    Good({"main.py": HEAD + _handlers(3, BODY.replace("404", "403"))}, outcome="not_applicable"),
    Good({"main.py": HEAD}, outcome="not_applicable"),
)
