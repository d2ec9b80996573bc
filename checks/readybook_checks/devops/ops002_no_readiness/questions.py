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
    """One store that readiness asks: under which ``name`` it is reported, how its object is imported and asked."""

    kind: str
    name: str
    access: Access
    alias: str
    code: str

    @property
    def call(self) -> str:
        """The call that asks it within the limit."""
        return f'state_of("{self.name}", ask_{self.name}())'


def questions(project: Project, app: App, stores: tuple[Store, ...], kinds: list[str]) -> list[Question] | str:
    """A question for every store of the kinds; the reason when one cannot be asked from a module of its own."""
    chosen = [s for s in stores if s.kind in kinds]
    found: list[Question] = []
    taken = set(RESERVED)
    for kind in kinds:
        reachable = {s.access: s for s in chosen if s.kind == kind and s.access is not None}
        if not reachable:
            return f"no module-level name leads to {NOUNS[kind]}: how a route reaches it is for a person to say"
        for access, store in reachable.items():
            assert access is not None
            templates = ASYNC if store.is_async else SYNC
            if kind not in templates or (kind == "database" and store.how != "sqlalchemy"):
                return f"{store.how} is asked in ways that depend on how it was opened"
            if app.place.path in pulled_in(project.facts.modules, access.path):
                return f"{access.name} lives in {access.path}, which imports the application: a circle of imports"
            name = _free(kind, {q.name for q in found}, access)
            alias = access.name if access.name not in taken else f"{name}_{access.name}"
            taken |= {alias, f"ask_{name}", f"query_{name}", f"connect_{name}"}
            expression = alias + access.expression[len(access.name):]
            found.append(Question(kind, name, access, alias, templates[kind].format(name=name, store=expression)))
    return found


def _free(kind: str, taken: set[str], access: Access) -> str:
    if kind not in taken:
        return kind
    plain = access.expression.replace("()", "").replace(".", "_").strip("_").lower()
    return plain if plain not in taken else f"{plain}_{len(taken) + 1}"
