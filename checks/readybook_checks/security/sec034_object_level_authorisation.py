"""SEC034: rows that any signed-in user may read or change by their id."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.authentication import authenticates, refuses
from readybook.facts.behaviour import functions_behind
from readybook.facts.dependencies import chain, name_of, own_method, signature
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.orm import OrmModel
from readybook.facts.ormcolumns import Column
from readybook.facts.ownership import RULES, Ownership, owner_columns
from readybook.facts.queries import ONE, Query
from readybook.facts.scopes import argument_of
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

USER = regex(r"(?i)user|account|principal|identity|member|customer|patient|student|\bme\b|current_")
# places for those who may see everything, and for what everybody may see
STAFF = regex(r"(?i)admin|staff|internal|back_?office|manage|superuser|public|shared?\b|webhook|callback|moderat")
OPEN = regex(r"(?i)^(?:is_)?(?:public|shared|published|visible|visibility|private|listed|anonymous)")
OPEN_TO_CHANGE = regex(r"(?i)^(?:is_)?(?:public|shared|anonymous|collab)")  # published: who reads, not who edits
ALIVE = regex(r"(?i)^(?:is_)?(?:deleted|active|archived|enabled|removed)(?:_at|_on)?$")
CASTS = ("UUID", "uuid.UUID", "int", "str")
BUILDING = frozenset(("select", "query", "where", "filter", "filter_by", "limit", "order_by", "options", "get",
                      "get_one", "with_for_update", "execution_options", "populate_existing", *ONE))
DEEPEST = 5


@record
class Load:
    """A row that a handler loads by an id of the path alone: the query, the calls that lead to it, the parameter."""

    query: Query
    model: OrmModel
    chain: tuple[Place, ...]
    name: str


class ObjectLevelAuthorisation(Check):
    """A signed-in user reads or changes the rows of others: they are loaded by the id in the path alone.

    Looked at: handlers with a dependency that authenticates a user, which load a row of a model with an owner's or a
    tenant's column (``owner_id``, ``user_id``, ``tenant_id`` …) by its primary key from the path. Neither the query nor
    the handler, its dependencies or what they call may mention the column, a role, a permission, a tenant or a refusal
    with 403, and the user may at most be logged or written down: whatever else is done with the user counts as a rule.
    Broken authorisation of objects leads OWASP's list for APIs, since ids are guessed or seen.

    A change is high where the application compares the column elsewhere, medium where it never does; a read counts only
    where every list of the model is the owner's own. Else who may see what is not in the code: the check cannot tell.

    Fix: advice with the query that asks for both, so that the row of somebody else answers 404.
    """

    id = "SEC034"
    name = "object-level-authorisation"
    category = "security"
    severity = "high"
    hours = Hours(1, 3, 6, each=0.5)
    fix_kinds = ("advice",)
    references = (
        "https://owasp.org/API-Security/editions/2023/en/0xa1-broken-object-level-authorization/",
        "https://cheatsheetseries.owasp.org/cheatsheets/Insecure_Direct_Object_Reference_Prevention_Cheat_Sheet.html",
    )

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each handler that loads a row of somebody by an id of the path."""
        facts = project.facts
        owned = [m for m in facts.orm_models if owner_columns(m)]
        routes: dict[int, list[tuple[Route, FunctionValue]]] = {}
        for route in facts.routes if owned else ():
            for f in (g.original for g in functions_behind(route.handler)):
                if "{" in route.path and f.module.role == "application" and f.node[0] == "def":
                    routes.setdefault(id(f.node), []).append((route, f))
        reader = Reader(project) if routes else None
        found = False
        for same in routes.values() if reader is not None else ():
            answers = [reader.answer(route, f) for route, f in same] if reader is not None else []
            kept = next((a for a in answers if not isinstance(a, Finding)), answers[0])
            if kept is not None:
                found = True
                yield kept
        if not found:
            yield NotApplicable("no route of a signed-in user loads a row with an owner by an id of its path")


class Reader:
    """Judges handlers; holds what one needs for all."""

    def __init__(self, project: Project) -> None:
        self.facts = project.facts
        self.behaviour = project.facts.behaviour
        self.ownership = Ownership(self.behaviour)
        self.ruling: dict[str, bool] = {}
        self.filtered = any(p.endswith("with_loader_criteria()") or p.endswith("with_loader_criteria")
                            for p in self.behaviour.by_path)
        self.queries = {id(q.call.site.node): q for q in self.facts.queries}

    def answer(self, route: Route, handler: FunctionValue) -> Answer | None:
        """What is right or wrong with a handler; None when the question does not arise."""
        users = [t for t in route.targets if authenticates(self.behaviour, t) and _is_user(name_of(t) or "")]
        names = self._injected_users(handler)
        if not users and not names:
            return None
        load = next(self._loads(route, handler), None)
        if load is None:
            return None
        columns = owner_columns(load.model)
        why = self._ruled(route, handler, frozenset(names), tuple(c.attribute for c in columns))
        if why:
            return Right(route.place, why, route.app)
        return self._found(route, handler, load, columns, next(iter(names), name_of(users[0]) if users else None) or "")

    def _injected_users(self, handler: FunctionValue) -> list[str]:
        injected = signature(self.behaviour.run, handler).injected
        return [name for name, target in injected.items() if authenticates(self.behaviour, target)
                and (_is_user(name) or _is_user(name_of(target) or ""))]

    def _loads(self, route: Route, handler: FunctionValue) -> Iterator[Load]:
        """Rows of models with an owner that are loaded by an id of the path and by nothing else."""
        ids = frozenset(p.name for p in route.parameters if p.where == "path")
        queue: deque[tuple[FunctionValue, frozenset[str], tuple[Place, ...]]] = deque([(handler, ids, ())])
        seen = {id(handler.node)}
        while queue:
            function, names, way = queue.popleft()
            for call in self.behaviour.calls_in(function):
                query = self.queries.get(id(call.site.node))
                if query is not None and query.model is not None and owner_columns(query.model):
                    name = _by_id(query, query.model, names)
                    if name:
                        yield Load(query, query.model, way, name)
                for f in (g.original for g in functions_behind(call.site.callee)):
                    if id(f.node) in seen or f.module.role != "application" or f.node[0] != "def" or len(way) > DEEPEST:
                        continue
                    inner = frozenset(p[0] for p in f.params if _plain(argument_of(call, f, p[0], 0)) in names)
                    if inner:
                        seen.add(id(f.node))
                        queue.append((f, inner, (*way, call.place)))

    def _ruled(self, route: Route, handler: FunctionValue, users: frozenset[str], columns: tuple[str, ...]) -> str:
        """Why the row may be asked for by rule; empty when nothing in the code may be one."""
        if STAFF.search(f"{route.path} {handler.name} {' '.join(route.tags)}"):
            return "by its name the route is for staff, or for everybody"
        if route.unknown_dependency or route.condition:
            return "what its dependencies do is not all known"
        if self.filtered or self._middleware_rules(route.app):
            return "queries or requests are limited for all routes at once"
        if not self.ownership.only_told(handler, users):
            return "what it does with the user may be the comparison"
        own = self.ownership.behind([handler])
        if own is None or any(refuses(self.behaviour, f) for f in own[:1]):
            return "it refuses callers"
        word = next((w for f in own for w in (f.name, *self.ownership.words(f)) if w in columns or RULES.search(w)), "")
        return f"it mentions {word}" if word else self._ruled_by_dependency(route, handler, columns)

    def _middleware_rules(self, spec: str) -> bool:
        """Whether a middleware of the project mentions roles, tenants and the like."""
        if spec not in self.ruling:
            around = [m.target for a in self.facts.apps if a.spec == spec for m in a.middleware]
            names = ("dispatch", "__call__")
            own = [own_method(t, n) if isinstance(t, ClassValue) else t for t in around for n in names]
            behind = self.ownership.behind([f for f in own if f is not None])
            self.ruling[spec] = behind is None or any(RULES.search(w) for f in behind for w in self.ownership.words(f))
        return self.ruling[spec]

    def _ruled_by_dependency(self, route: Route, handler: FunctionValue, columns: tuple[str, ...]) -> str:
        ids = {p.name for p in route.parameters if p.where == "path"}
        everything = {id(t): t for d in route.targets for t in chain(self.behaviour.run, d)}.values()
        for target in everything:
            name = (name_of(target) or "?").removesuffix("()").rpartition(".")[2]
            if name == "?" or RULES.search(name):
                return f"{name} may decide who may"
            behind = self.ownership.behind([target])
            if behind is None or ids & {p.name for p in signature(self.behaviour.run, target).parameters}:
                return f"{name} reads the id too"
            identifies = authenticates(self.behaviour, target)
            for f in behind:
                for word in self.ownership.words(f):
                    if RULES.search(word) or word in columns and not identifies:
                        return f"{name} mentions {word}"
        return ""

    def _found(self, route: Route, handler: FunctionValue, load: Load, columns: tuple[Column, ...],
               user: str) -> Answer:
        model, write = load.model, route.method not in ("GET", "HEAD", "OPTIONS")
        compared = next(((c, f) for c in columns
                         if (f := self.ownership.compared(model, c, self.facts.queries)) is not None), None)
        if any((OPEN_TO_CHANGE if write else OPEN).search(c.attribute) for c in model.columns):
            return CannotTell(f"some rows of {model.name} are for all: whether this one is, is not seen", route.place)
        if not write and not self._private(model, columns):
            return CannotTell(f"whether every user may read any {model.name} is not in the code", route.place)
        column = compared[0] if compared else columns[0]
        elsewhere = f" ({compared[1].name}() does compare it)" if compared else ""
        verb = {"GET": "reads", "DELETE": "deletes"}.get(route.method, "changes")
        return Finding(
            route.place, f"{route.method} {route.path} ({handler.name}) {verb} a {model.name} by {load.name} alone and "
            f"never compares its {column.attribute} with who asks{elsewhere}: every signed-in user reaches the rows of "
            "all others.", "high" if compared else "medium", confidence="high" if compared and write else "medium",
            chain=(*load.chain, load.query.place), app=route.app, fix=_advice(load, column, user))

    def _private(self, model: OrmModel, columns: tuple[Column, ...]) -> bool:
        """Whether all lists of a model that the application reads are an owner's own, and there is one."""
        lists = [q for q in self.facts.queries if q.model is not None and q.model.path == model.path and q.many]
        names = {c.attribute for c in columns}
        return bool(lists) and all(names & {f.attribute for f in q.filters} for q in lists)


def _is_user(name: str) -> bool:
    return bool(USER.search(name.removesuffix("()").rpartition(".")[2]))


def _plain(node: Node | None) -> str:
    """The name behind ``item_id`` or ``UUID(item_id)``; empty for anything else."""
    if node is not None and node[0] == "call" and unparse(node[3]) in CASTS and len(node[4]) == 1 and not node[5]:
        node = node[4][0]
    return str(node[3]) if node is not None and node[0] == "name" else ""


def _by_id(query: Query, model: OrmModel, names: frozenset[str]) -> str:
    """The parameter by which a query finds one row through its primary key alone; empty when it asks for more."""
    keys = [c.attribute for c in model.columns if c.primary_key]
    if len(keys) != 1 or any(c.primary_key is None for c in model.columns):
        return ""
    if query.style == "get":
        nodes = query.call.site.node[4]
        key = nodes[1] if len(nodes) > 1 else dict(query.call.site.node[5]).get("ident")
        return _plain(key) if _plain(key) in names else ""
    if query.many is not False or len(query.models) != 1 or any(link.name not in BUILDING for link in query.links):
        return ""
    found = ""
    for link in query.links:
        if link.name == "filter_by":
            tests = [(k or "", v) for k, v in link.keywords]
        elif link.name in ("where", "filter"):
            tests = [_test(n) for n in link.nodes]
        else:
            continue
        for attribute, value in tests:
            if attribute == keys[0] and _plain(value) in names:
                found = _plain(value)
            elif not ALIVE.match(attribute):
                return ""
    return found


def _test(node: Node) -> tuple[str, Node | None]:
    """The attribute that one condition of a query compares, and with what."""
    if node[0] == "call" and node[3][0] == "attr" and node[3][4] in ("is_", "is_not", "isnot"):
        return _column(node[3][3]), None
    if node[0] == "unary":
        return _column(node[4]), None
    if node[0] != "cmp" or len(node[4]) != 1:
        return _column(node), None
    operator, right = node[4][0]
    return _column(node[3]), right if operator == "Eq" else None


def _column(node: Node) -> str:
    if node[0] == "call" and node[3][0] == "name" and node[3][3] == "col" and node[4]:
        node = node[4][0]
    return str(node[4]) if node[0] == "attr" else ""


def _advice(load: Load, column: Column, user: str) -> Fix:
    model, key = load.model, next(c.attribute for c in load.model.columns if c.primary_key)
    name = user.removesuffix("()").rpartition(".")[2] or "current_user"
    who = name if name.startswith("current") or "get_" not in name else name.replace("get_", "")
    tenant = re.search(r"(?i)tenant|org|workspace|company|account", column.attribute)
    mine = f"{who}.{column.attribute}" if tenant else f"{who}.id"
    awaited = "await " if load.query.session == "async" else ""
    run = f"{awaited}session.scalar(" if awaited else "session.scalars("
    end = ")" if awaited else ").one_or_none()"
    return advice(
        f"Ask for the owner in the query: {run}select({model.name}).where({model.name}.{key} == {load.name}, "
        f"{model.name}.{column.attribute} == {mine}){end}, and answer 404 where there is none",
        "who besides the owner may do it (staff, a team) is for a person to say")


DB = ("from sqlalchemy import ForeignKey\nfrom sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column\n"
      "\n\nclass Base(DeclarativeBase):\n    pass\n\n\nclass User(Base):\n    __tablename__ = \"users\"\n"
      "    id: Mapped[int] = mapped_column(primary_key=True)\n\n\nclass Note(Base):\n    __tablename__ = \"notes\"\n"
      "    id: Mapped[int] = mapped_column(primary_key=True)\n    text: Mapped[str]\n"
      "    owner_id: Mapped[int] = mapped_column(ForeignKey(\"users.id\"))\n")
DEPS = ("from typing import Annotated\n\nfrom fastapi import Depends, HTTPException\n"
        "from fastapi.security import OAuth2PasswordBearer\nfrom sqlalchemy.orm import Session\n\nfrom db import User\n"
        "\nscheme = OAuth2PasswordBearer(tokenUrl=\"login\")\n\n\ndef get_session() -> Session:\n"
        "    return Session()\n\n\n"
        "SessionDep = Annotated[Session, Depends(get_session)]\n\n\n"
        "def get_current_user(session: SessionDep, token: str = Depends(scheme)) -> User:\n"
        "    user = session.get(User, int(token))\n    if user is None:\n        raise HTTPException(401)\n"
        "    return user\n\n\nCurrentUser = Annotated[User, Depends(get_current_user)]\n")
HEAD = ("import logging\n\nfrom fastapi import Depends, FastAPI, HTTPException\nfrom sqlalchemy import select\n\n"
        "from db import Note\nfrom deps import CurrentUser, SessionDep, get_current_user\n\napp = FastAPI()\n"
        "log = logging.getLogger(__name__)\n")
MINE = ("\n\n@app.get(\"/notes\")\ndef my_notes(session: SessionDep, current_user: CurrentUser):\n"
        "    return session.scalars(select(Note).where(Note.owner_id == current_user.id)).all()\n")
EDIT = ("\n\n@app.put(\"/notes/{note_id}\")\ndef edit(note_id: int, text: str, session: SessionDep, "
        "current_user: CurrentUser):\n    note = session.get(Note, note_id)\n    if note is None:\n"
        "        raise HTTPException(404)\n    note.text = text\n    log.info(\"%s edits\", current_user.id)\n"
        "    session.commit()\n")
CRUD = ("from sqlalchemy import select\n\nfrom db import Note\n\n\ndef one(session, key):\n"
        "    return session.execute(select(Note).where(Note.id == key)).scalar_one_or_none()\n")
ERASE = ("\n\n@app.delete(\"/notes/{note_id}\", dependencies=[Depends(get_current_user)])\n"
         "def erase(note_id: int, session: SessionDep):\n    session.delete(crud.one(session, note_id))\n"
         "    session.commit()\n")
SHOW = ("\n\n@app.get(\"/notes/{note_id}\")\ndef show(note_id: int, session: SessionDep, current_user: CurrentUser):\n"
        "    return session.query(Note).filter(Note.id == note_id).first()\n")
RULE = "    if note.owner_id != current_user.id:\n        raise HTTPException(403)\n    note.text = text\n"


def _files(main: str, **more: str) -> dict[str, str]:
    return {"db.py": DB, "deps.py": DEPS, "main.py": HEAD + main} | {f"{k}.py": v for k, v in more.items()}


ObjectLevelAuthorisation.examples = (
    Bad(_files(MINE + EDIT), at=("main.py:19",), severity="high"),
    Bad(  # in a function of another module; the user is asked for and not even named
        _files("", crud=CRUD) | {"main.py": HEAD.replace("from db import Note", "import crud") + ERASE},
        at=("main.py:14",), severity="medium"),
    Bad(_files(MINE + SHOW), at=("main.py:19",), severity="high"),  # a read, where every list is one's own
    Good(_files(MINE + EDIT.replace("    note.text = text\n", RULE))),
    Good(_files(MINE + SHOW.replace("Note.id == note_id)", "Note.id == note_id, Note.owner_id == current_user.id)")),
         outcome="not_applicable"),
    Good(  # a dependency decides
        _files(MINE + EDIT, deps=DEPS.replace("    return user\n", "    if user.role != \"editor\":\n"
                                              "        raise HTTPException(403)\n    return user\n"))),
    Good(_files(MINE + EDIT.replace("    note.text", "    check(note, current_user)\n    note.text"))),
    Bad(  # published for all to read, and not for all to change
        _files(EDIT) | {"db.py": DB + "    published: Mapped[bool]\n"}, at=("main.py:14",), severity="medium"),
    Good(_files(EDIT) | {"db.py": DB + "    is_shared: Mapped[bool]\n"}, outcome="unknown"),
    Good(_files(SHOW), outcome="unknown"),  # whether notes are for all is not in the code
    Good(_files(MINE + EDIT.replace("/notes/", "/admin/notes/"))),
    Good(_files(MINE), outcome="not_applicable"),
)
