"""How each kind of store is asked whether it answers, in generated code."""

from __future__ import annotations

from readybook import Project
from readybook.facts.closure import pulled_in
from readybook.facts.program import App
from readybook.facts.stores import Access, Store
from readybook.records import record

KINDS = ("database", "redis", "mongo", "broker")
NOUNS = {"database": "the database", "redis": "Redis", "mongo": "MongoDB", "broker": "the broker"}
ASYNC = {
    "database": '''

async def ask_{name}() -> None:
    """Run the smallest query."""
    async with {store}.connect() as connection:
        await connection.execute(text("SELECT 1"))
''',
    "redis": '''

async def ask_{name}() -> None:
    """Ask Redis for its PONG."""
    await {store}.ping()
''',
    "mongo": '''

async def ask_{name}() -> None:
    """Run the command that MongoDB answers without a database."""
    await {store}.admin.command("ping")
''',
}
SYNC = {
    "database": '''

async def ask_{name}() -> None:
    """Run the smallest query, in a thread that requests do not wait for."""
    await asyncio.to_thread(query_{name})


def query_{name}() -> None:
    """Run the smallest query."""
    with {store}.connect() as connection:
        connection.execute(text("SELECT 1"))
''',
    "redis": '''

async def ask_{name}() -> None:
    """Ask Redis for its PONG, in a thread that requests do not wait for."""
    await asyncio.to_thread({store}.ping)
''',
    "mongo": '''

async def ask_{name}() -> None:
    """Run the command that MongoDB answers without a database, in a thread."""
    await asyncio.to_thread({store}.admin.command, "ping")
''',
    "broker": '''

async def ask_{name}() -> None:
    """Open a connection to the broker, in a thread that requests do not wait for."""
    await asyncio.to_thread(connect_{name})


def connect_{name}() -> None:
    """Connect once, without the retries that a producer makes."""
    with {store}.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)
''',
}
# names that the generated code uses itself
RESERVED = frozenset(("asyncio", "logging", "logger", "text", "status", "Response", "Any", "Awaitable", "APIRouter",
                      "health_router", "names", "states", "checks", "healthy", "response", "connection", "name", "live",
                      "question", "state_of", "ready", "readiness", "READINESS_SECONDS"))


@record
class Question:
    """One store that readiness asks: under which ``name`` it is reported, how its object is imported and asked.

    ``alias`` is bound by the import: to the object, or to its module where its name is private to that.
    """

    kind: str
    name: str
    access: Access
    alias: str
    code: str

    @property
    def call(self) -> str:
        """The call that asks it within the limit."""
        return f'state_of("{self.name}", ask_{self.name}())'

    def imported(self, module: str) -> tuple[str, str | None, str | None]:
        """(module, name, alias) of the import by which code that names the object's module ``module`` has it."""
        wanted, asked = self.access.name, self.alias
        if is_private(wanted):
            above, _, wanted = module.rpartition(".")
            if not module.startswith(".") and not above:
                return wanted, None, asked if asked != wanted else None
            module = f"{above}." if not above.strip(".") else above
        return module, wanted, asked if asked != wanted else None


def is_private(name: str) -> bool:
    """Whether a name is meant for its own module."""
    return name.startswith("_")


def questions(project: Project, app: App, stores: tuple[Store, ...], kinds: list[str],
              home: str) -> list[Question] | str:
    """A question for every store of the kinds, asked in the file ``home``; the reason when there can be none."""
    chosen = [s for s in stores if s.kind in kinds]
    found: list[Question] = []
    taken = set(RESERVED)
    for kind in kinds:
        reachable = {s.access: s for s in chosen if s.kind == kind and s.access is not None}
        if not reachable:
            return f"no module-level name leads to {NOUNS[kind]}: how a route reaches it is for a person to say"
        reachable = {a: s for a, s in reachable.items() if not any(map(is_private, a.expression.split(".")[1:]))}
        if not reachable:
            return f"only private attributes lead to {NOUNS[kind]}: how a route reaches it is for a person to say"
        for access, store in reachable.items():
            assert access is not None
            templates = ASYNC if store.is_async else SYNC
            if kind not in templates or (kind == "database" and store.how != "sqlalchemy"):
                return f"{store.how} is asked in ways that depend on how it was opened"
            if app.place.path in pulled_in(project.facts.modules, access.path):
                return f"{access.name} lives in {access.path}, which imports the application: a circle of imports"
            name = _free(kind, {q.name for q in found}, access)
            own = access.path.removesuffix(".py").removesuffix("/__init__").rpartition("/")[2]
            by_module = is_private(access.name) and access.path != home
            wanted = own if by_module else access.name
            alias = wanted if wanted not in taken else f"{name}_{wanted}"
            taken |= {alias, f"ask_{name}", f"query_{name}", f"connect_{name}"}
            expression = f"{alias}.{access.expression}" if by_module else \
                alias + access.expression[len(access.name):]
            found.append(Question(kind, name, access, alias, templates[kind].format(name=name, store=expression)))
    return found


def _free(kind: str, taken: set[str], access: Access) -> str:
    if kind not in taken:
        return kind
    plain = access.expression.replace("()", "").replace(".", "_").strip("_").lower()
    return plain if plain not in taken else f"{plain}_{len(taken) + 1}"
