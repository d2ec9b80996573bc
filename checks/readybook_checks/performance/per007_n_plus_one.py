"""PER007: one query for a list, and one more for each of its rows."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour, Call, functions_behind
from readybook.facts.objects import Bound, FunctionValue
from readybook.facts.queries import Query, session_kind
from readybook.facts.querychains import receivers
from readybook.facts.queryrows import RowLoop, Touch
from readybook.facts.reach import first_reached
from readybook.finding import Answer
from readybook_checks.performance.lazy_reads import LazyRead, lazy_reads
from readybook_checks.performance.query_edit import loading, written_model

MAX_DEPTH = 3  # calls from the loop to the query
WRITES = frozenset(("delete", "update"))
# what objects of Tortoise and Beanie read related ones by, one object a call
FETCHES = frozenset(("fetch_related", "fetch_link", "fetch_all_links"))
EAGER = FETCHES | {"fetch_for_list", "prefetch_related", "select_related"}


class NPlusOne(Check):
    """A list costs one query, and one more for each of its rows.

    Looked at: queries inside a loop or comprehension over the rows of another one, also in functions the loop calls,
    and relationships read on each row (in code, or by the response model) that the query did not load with them. A
    list of 200 rows then costs 201 trips to the database. Relationships that load themselves (``lazy="selectin"``),
    eager options and reads on one object are right.

    Medium where a request runs it, else low. Fix: ``selectinload`` for a relationship; advice for the query in a loop.
    Objects of an ``AsyncSession`` cannot load at first touch at all: that is PER019's.
    """

    id = "PER007"
    name = "n-plus-one"
    category = "performance"
    severity = "medium"
    hours = Hours(0.5, 2, 4, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each query in a loop over rows and each relationship read on rows; a Right for the others."""
        loops = looped(project)
        reads = [r for r in lazy_reads(project) if r.repeated and (r.loaded or r.rows.query.session != "async")]
        calls = [c for _, c, _ in loops] + [r.rows.query.call for r in reads]
        awaited = [t for t in project.facts.row_flow.touches if _awaits(t)]
        served = first_reached(project.facts.behaviour, calls + [t.rows.query.call for t in awaited])
        bad = {id(loop) for loop, _, _ in loops}
        for loop, call, inner in loops:
            yield _in_loop(loop, call, inner, id(call) in served)
        for read in reads:
            if read.loaded:
                yield Right(read.place, f"{read.relationship} is loaded with the rows")
            else:
                yield _lazy(project, read, id(read.rows.query.call) in served)
        for touch in awaited:
            if _prefetched(project, touch):
                yield Right(touch.place, f"{touch.relationship} is loaded with the rows")
            else:
                yield _of_touch(touch, id(touch.rows.query.call) in served)
        rest = [loop for loop in project.facts.row_flow.loops if id(loop) not in bad]
        for loop in rest:
            yield Right(loop.place, "the loop over rows makes no query")
        if not loops and not reads and not awaited and not rest:
            yield NotApplicable("no loop goes over the rows of a query")


def looped(project: Project) -> list[tuple[RowLoop, Call, Query | None]]:
    """The loops over rows with the calls in them that query for each row; the innermost loop has the call."""
    facts = project.facts
    queries = {id(q.call.site.node): q for q in (*facts.queries, *(q for q in facts.lookups if q.consumed))}
    found: dict[int, tuple[RowLoop, Call, Query | None]] = {}
    for loop in facts.row_flow.loops:
        for call in loop.calls:
            inner = queries.get(id(call.site.node))
            if inner is not None and _held(loop, inner):
                continue
            if inner is not None and not inner.consumed & WRITES or inner is None and _refreshes(call):
                found[id(call.site.node)] = (loop, call, inner)
            elif inner is None:
                deep = _queried(facts.behaviour, call, queries)
                if deep is not None and not _held(loop, deep):
                    found[id(call.site.node)] = (loop, call, deep)
    return sorted(found.values(), key=lambda f: (f[1].place.path, f[1].place.line, f[1].place.column))


def _held(loop: RowLoop, inner: Query) -> bool:
    """Whether a ``get`` by key may find its object in the session: each tuple of the loop holds one of that model."""
    models = [m.path for m in loop.rows.query.models]
    return loop.rows.mixed and inner.style == "get" and inner.model is not None and inner.model.path in models


def _refreshes(call: Call) -> bool:
    if call.last in FETCHES and call.awaited:
        return True
    return call.last == "refresh" and any(session_kind(on) for on in receivers(call))


def _queried(behaviour: Behaviour, call: Call, queries: dict[int, Query]) -> Query | None:
    """The query that a call leads to, in the functions it runs; None for one that is cached or runs after an error."""
    todo = [(f.original, 0, call) for f in functions_behind(call.site.callee)]
    seen: set[int] = set()
    while todo:
        function, depth, outer = todo.pop(0)
        if id(function.node) in seen or function.module.role != "application" or _cached(function):
            continue
        seen.add(id(function.node))
        for inner in behaviour.calls_in(function):
            if any(c.startswith("except") for c in inner.conditions):
                continue  # for the rows that fail, not for each
            if _left_off(outer, function, inner.conditions):
                continue
            query = queries.get(id(inner.site.node))
            if query is not None and not query.consumed & WRITES:
                return query
            if depth < MAX_DEPTH:
                todo += [(f.original, depth + 1, inner) for f in functions_behind(inner.site.callee)]
    return None


def _left_off(call: Call, function: FunctionValue, conditions: tuple[str, ...]) -> bool:
    """Whether one of the conditions is a parameter that is false unless it is given, and that a call does not give."""
    tests = {part for c in conditions for part in c.split(" and ")}
    off = [(i, p[0]) for i, p in enumerate(function.params) if p[0] in tests and p[2] is not None
           and p[2][0] == "const" and not p[2][3]]
    keywords = [k for k, _ in call.site.node[5]]
    loose = None in keywords or any(n[0] == "star" for n in call.site.node[4])
    return not loose and any(name not in keywords and i >= len(call.site.node[4]) + isinstance(call.site.callee, Bound)
                             for i, name in off)


def _cached(function: FunctionValue) -> bool:
    return any("cache" in getattr(d, "path", getattr(d, "name", "")).lower() for d in function.decorators)


def _in_loop(loop: RowLoop, call: Call, inner: Query | None, served: bool) -> Finding:
    outer = loop.rows.model
    table = inner.model.table or inner.model.name if inner is not None and inner.model is not None else "the row"
    over = f"row of {outer.table or outer.name}"
    if inner is None:
        message = f"{call.last}() reads the row again for each {over} ({loop.place}): N rows cost N + 1 queries."
    elif inner.call is call:
        message = f"{table} is queried once for each {over} ({loop.place}): N rows cost N + 1 queries."
    else:
        message = (f"{call.last}() queries {table} ({inner.place}), and is called once for each {over} ({loop.place}): "
                   "N rows cost N + 1 queries.")
    bounded = loop.rows.query.page.isdigit() and int(loop.rows.query.page) <= 20
    chain = (loop.rows.query.place, loop.place, *((inner.place,) if inner is not None else ()))
    return Finding(call.place, message, "medium" if served and not bounded else "low", fix=_advice(loop, inner),
                   chain=tuple(dict.fromkeys(p for p in chain if p != call.place)))


def _advice(loop: RowLoop, inner: Query | None) -> Fix:
    use = next((u for u in inner.filters if u.operator in ("==", "in")), None) if inner is not None else None
    if inner is not None and inner.style == "get" and inner.model is not None:
        keys = [c.attribute for c in inner.model.columns if c.primary_key]
        what = f"{inner.model.name}.{keys[0] if keys else 'id'}.in_(ids)"
    elif use is not None:
        what = f"{use.model.name}.{use.attribute}.in_(ids)"
    else:
        return advice("Read the rows once, before the loop", "what the loop needs of each row is for a person to see")
    return advice(f"Query once before the loop: collect the ids of all rows, select with {what}, and look each one up "
                  "in a dict by its key", "how the rows are put together afterwards is for a person to write")


def _awaits(touch: Touch) -> bool:
    """Whether a related object of Tortoise or Beanie is read on each row by a query of its own."""
    return touch.repeated and touch.awaited and touch.rows.model.orm in ("tortoise", "beanie")


def _prefetched(project: Project, touch: Touch) -> bool:
    """Whether the query loads the related objects with the rows, or a call before the loop does."""
    for link in touch.rows.query.links:
        if link.name in ("prefetch_related", "select_related") or any(k == "fetch_links" for k, _ in link.keywords):
            return True
    calls = project.facts.behaviour.calls_in(touch.function)
    return any(c.last in EAGER or "fetch_links" in c.kwargs for c in calls)


def _of_touch(touch: Touch, served: bool) -> Finding:
    model, query = touch.rows.model, touch.rows.query
    message = (f"{model.name}.{touch.relationship} is queried for each row of {model.table or model.name} "
               f"({query.place}): N rows cost N + 1 queries.")
    way = "__".join((*touch.rows.path, touch.relationship))
    how = f'.prefetch_related("{way}")' if model.orm == "tortoise" else "fetch_links=True"
    start = query.model.name if query.model is not None else model.name
    bounded = query.page.isdigit() and int(query.page) <= 20
    return Finding(touch.place, message, "medium" if served and not bounded else "low",
                   fix=advice(f"Load it with the rows: {how} in the query of {start}",
                              "how the loop reads it afterwards is for a person to see"),
                   chain=(query.place,) if query.place != touch.place else ())


def _lazy(project: Project, read: LazyRead, served: bool) -> Finding:
    query, model = read.rows.query, read.rows.model
    name = f"{model.name}.{read.relationship}"
    if read.route is not None:
        message = (f"{read.schema} answers with {name} of each row of {model.table or model.name}, which the query "
                   f"({query.place}) does not load: N rows cost N + 1 queries.")
    else:
        message = (f"{name} is read on each row of a query ({query.place}) that does not load it: N rows cost N + 1 "
                   "queries.")
    intents = loading(project, query, read.relationship) if not read.rows.path else ()
    if intents:
        fix = Fix("Load the relationship with the query", intents, safety="review",
                  reason="the query reads the related rows always, also where they are not needed")
    else:
        start = written_model(query) or model.name
        steps = "".join(f".selectinload({s})" for s in (*read.rows.path, read.relationship)).lstrip(".")
        fix = advice(f"Add .options({steps}) to the query of {start}, each step as an attribute of its model",
                     "the query is not written in one piece, or the way to the relationship has several steps")
    chain = (query.place,) if query.place != read.place else ()
    return Finding(read.place, message, "medium" if served else "low", fix=fix, chain=chain)


MODELS = """from sqlalchemy import Column, ForeignKey, Integer, String
from sqlalchemy.orm import declarative_base, relationship

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    orders = relationship("Order", back_populates="user")
    tags = relationship("Order", lazy="selectin", viewonly=True)


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    user_id = Column(ForeignKey("users.id"))
    user = relationship("User", back_populates="orders")
"""
IMPORTS = """from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session{more}

from models import Order, User

app = FastAPI()


def get_db() -> Session: ...


"""
HEAD, LOADED = IMPORTS.format(more=""), IMPORTS.format(more=", selectinload")
ANSWER = "class Out(BaseModel):\n    id: int\n    orders: list[int]\n\n\n"
GET = "@app.get(\"/users\")\ndef users(db: Session = Depends(get_db)):\n"


def _files(body: str, head: str = HEAD) -> dict[str, str]:
    return {"models.py": MODELS, "main.py": head + body}


TORTOISE = {
    "models.py": "from tortoise import fields\nfrom tortoise.models import Model\n\n\nclass User(Model):\n"
                 "    name = fields.CharField(80)\n\n\nclass Order(Model):\n"
                 "    user = fields.ForeignKeyField(\"models.User\", related_name=\"orders\", index=True)\n",
    "main.py": "from fastapi import FastAPI\n\nfrom models import Order, User\n\napp = FastAPI()\n\n\n"
               "@app.get(\"/orders\")\nasync def orders():\n    found = []\n"}
BEANIE = {
    "models.py": "from beanie import Document, Link\n\n\nclass User(Document):\n    name: str\n\n\n"
                 "class Order(Document):\n    user: Link[User]\n", "main.py": TORTOISE["main.py"]}
MOTOR = {"requirements.txt": "motor\n", "main.py": TORTOISE["main.py"].replace(
    "from models import Order, User\n", "from motor.motor_asyncio import AsyncIOMotorClient\n\n"
    "db = AsyncIOMotorClient(\"mongodb://db\").shop")}


def _with(files: dict[str, str], body: str) -> dict[str, str]:
    return {**files, "main.py": f"{files['main.py']}{body}    return found\n"}


NPlusOne.examples = (
    Bad(_files(GET + "    found = []\n    for user in db.query(User).all():\n"
               "        orders = db.query(Order).filter(Order.user_id == user.id).all()\n"
               "        found.append((user.name, orders))\n    return found\n"),
        at=("main.py:18",), severity="medium"),
    Bad(  # over tuples of what the query asked for
        _files(GET + "    found = []\n    for user, order in db.execute(select(User, Order).join(Order)).all():\n"
               "        found.append(db.scalars(select(Order).where(Order.user_id == user.id)).all())\n"
               "    return found\n"), at=("main.py:18",), severity="medium"),
    Good(_files(GET + "    pairs = db.query(User, Order).all()\n"
                "    return {user.id: (order.id, user.orders) for user, order in pairs}\n")),
    Good(  # the session holds each already
        _files(GET + "    return [db.get(User, o.user_id) for o, u in db.query(Order, User).all()]\n")),
    Good(_files(GET + "    for user in db.execute(select(User, Order)).scalars().all():\n        print(user.id)\n"
                "    first = db.execute(select(User, Order)).all()[0]\n    return first\n"), outcome="not_applicable"),
    Bad(_files(GET + "    rows = db.scalars(select(User)).all()\n"
               "    return [{\"name\": u.name, \"orders\": len(u.orders)} for u in rows]\n"),
        at=("main.py:17",), severity="medium",
        fixed={"main.py": LOADED + GET
               + "    rows = db.scalars(select(User).options(selectinload(User.orders))).all()\n"
               "    return [{\"name\": u.name, \"orders\": len(u.orders)} for u in rows]\n"}),
    Bad(  # the response model reads it
        _files(ANSWER + GET.replace("users\")", "users\", response_model=list[Out])")
               + "    return db.query(User).limit(50).all()\n"), at=("main.py:20",), severity="medium",
        fixed={"main.py": LOADED + ANSWER + GET.replace("users\")", "users\", response_model=list[Out])")
               + "    return db.query(User).limit(50).options(selectinload(User.orders)).all()\n"}),
    Bad(  # in a function that the loop calls
        _files("def of(db: Session, user: int):\n    return db.get(User, user)\n\n\n" + GET
               + "    orders = db.query(Order).all()\n    return {o.id: of(db, o.user_id) for o in orders}\n"),
        at=("main.py:21",), severity="medium"),
    Bad(_files("def nightly(db: Session):\n    for user in db.query(User):\n        pass\n"
               "    for user in db.query(User).all():\n        print(user.orders)\n"),
        at=("main.py:18",), severity="low",
        fixed={"main.py": LOADED + "def nightly(db: Session):\n    for user in db.query(User):\n        pass\n"
               "    for user in db.query(User).options(selectinload(User.orders)).all():\n"
               "        print(user.orders)\n"}),
    Good(_files(GET + "    rows = db.scalars(select(User).options(selectinload(User.orders))).all()\n"
                "    return [u.orders for u in rows] + [u.tags for u in rows]\n", LOADED)),
    Good(_files(GET + "    users = db.query(User).all()\n    ids = [u.id for u in users]\n"
                "    return db.query(Order).filter(Order.user_id.in_(ids)).all()\n")),
    Good(_files(GET + "    user = db.get(User, 1)\n    return user.orders\n"), outcome="not_applicable"),
    Good(  # only where the caller asks for it, and one that does
        _files("def tell(db: Session, order, mail: bool = False):\n    if mail:\n"
               "        return db.get(User, order.user_id)\n"
               "    return None\n\n\n" + GET + "    return [tell(db, o) for o in db.query(Order).all()]\n")),
    Bad(_files("def tell(db: Session, order, mail: bool = False):\n    if mail:\n"
               "        return db.get(User, order.user_id)\n"
               "    return None\n\n\n" + GET + "    return [tell(db, o, mail=True) for o in db.query(Order).all()]\n"),
        at=("main.py:22",), severity="medium"),
    Good(  # a function that keeps what it read; a loop over something else
        _files("from functools import lru_cache\n\n\n@lru_cache\ndef one(user: int):\n    with Session() as db:\n"
               "        return db.get(User, user)\n\n\n" + GET
               + "    names = [one(o.user_id) for o in db.query(Order).all()]\n"
               "    return names + [db.get(User, i) for i in range(3)]\n")),
    Bad(  # a query in the loop, an awaited relation and a fetch for each row
        _with(TORTOISE, "    for order in await Order.all().limit(100):\n"
              "        found.append(await User.get(id=order.user_id))\n"), at=("main.py:12",), severity="medium"),
    Bad(_with(TORTOISE, "    async for order in Order.all():\n        found.append((await order.user).name)\n"),
        at=("main.py:12",), severity="medium"),
    Bad(_with(TORTOISE, "    async for user in User.all():\n        found.append(await user.orders.all())\n"),
        at=("main.py:12",), severity="medium"),
    Bad(  # of a read that a name holds
        _with(TORTOISE, "    query = Order.all()\n    query = query.order_by(\"id\")\n"
              "    for order in await query.limit(100):\n"
              "        found.append(await order.user)\n"), at=("main.py:14",), severity="medium"),
    Good(_with(TORTOISE, "    query = Order.all()\n    for order in await query.prefetch_related(\"user\"):\n"
               "        found.append(await order.user)\n")),
    Bad(  # on rows of rows
        _with(TORTOISE, "    user = await User.get(id=1)\n    for order in await user.orders:\n"
              "        found.append(await order.user)\n"), at=("main.py:13",), severity="medium"),
    Good(_with(TORTOISE, "    for order in await Order.all().prefetch_related(\"user\"):\n"
               "        found.append((await order.user).name)\n")),
    Good(_with(TORTOISE, "    for order in await Order.all().prefetch_related(\"user\"):\n"
               "        found.append(order.user.name)\n")),
    Bad(_with(BEANIE, "    async for order in Order.find():\n        await order.fetch_link(Order.user)\n"
              "        found.append(order.user.name)\n"), at=("main.py:12",), severity="medium"),
    Bad(_with(BEANIE, "    for order in await Order.find().to_list():\n"
              "        found.append(await User.find_one(User.id == order.user.ref.id))\n"), at=("main.py:12",),
        severity="medium"),
    Bad(_with(BEANIE, "    for order in await Order.find().to_list():\n"
              "        found.append(await order.user.fetch())\n"),
        at=("main.py:12",), severity="medium"),
    Bad(_with(MOTOR, "    async for order in db.orders.find():\n"
              "        found.append(await db.users.find_one({\"_id\": order[\"user\"]}))\n"), at=("main.py:13",),
        severity="medium"),
    Bad(  # a cursor by its name; a list of them
        _with(MOTOR, "    cursor = db[\"orders\"].find({}).sort(\"_id\")\n    rows = await cursor.to_list(length=100)\n"
              "    for row in rows:\n        found += await db.items.find({\"order\": row[\"_id\"]}).to_list(None)\n"),
        at=("main.py:15",), severity="medium"),
    Good(_with(MOTOR, "    rows = await db.orders.find().to_list(100)\n    ids = [row[\"user\"] for row in rows]\n"
               "    found = await db.users.find({\"_id\": {\"$in\": ids}}).to_list(None)\n")),
    Good(_with(BEANIE, "    for order in await Order.find(fetch_links=True).to_list():\n"
               "        found.append(order.user.name)\n")),
)
