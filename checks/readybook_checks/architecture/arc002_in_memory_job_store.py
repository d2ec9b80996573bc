"""ARC002: jobs, sessions and other state kept in the memory of one process."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Good, Hours, NotApplicable, Project, advice
from readybook.facts.behaviour import functions_behind
from readybook.facts.memory import Memory, memories
from readybook.facts.processes import several_processes
from readybook.facts.reach import startup_functions
from readybook.finding import Answer

STATE = re.compile(
    r"jobs?|tasks?|sessions?|states?|status(es)?|progress|stores?|storage|uploads?|files?|queues?|conversations?|histor(y|ies)|"
    r"messages?|chats?|rooms?|games?|players?|users?|accounts?|orders?|carts?|items?|tokens?|otps?|codes?|results?|"
    r"reports?|todos?|notes?|posts?|books?|products?|db|database|records?|runs?|workflows?|pending|blacklist|revoked|"
    r"memory|repository|data|documents?|events?|subscriptions?|notifications?"
)
STORE = re.compile(r"(InMemory|Memory)|(Store|Storage|Repository|Repo|Manager|Tracker)$")
# recomputed, counted or private to the process by nature
OTHER = re.compile(
    r"cache[ds]?|caching|memo(ized?)?|lru|ttl|registry|registered|handlers?|plugins?|metrics?|counters?|counts?|stats|"
    r"locks?|throttles?|rates?|limits?|limiter|buckets?|warned|seen|loaded|configs?|settings|mappings?|lookup|index|"
    r"connections?|clients?|engines?|models?|adapters?|providers?|factor(y|ies)|hooks?|listeners?|callbacks?|"
    r"overrides?|routes?|routers?|tools?|types?|schemas?|instances?|singletons?|breakers?|circuit|sockets?|websockets?|"
    r"latenc(y|ies)|timings?|durations?|errors?|pool|pools|features?|last|writes?|background|running|extensions?|services?|parsers?"
)
LIVE = re.compile(
    r"(?i)\b(\w*task|\w*websocket|ws|\w*socket|\w*lock|\w*queue|\w*future|fut|\w*client|conn|\w*connection|\w*event|"
    r"\w*engine|\w*pool|\w*thread|\w*process|\w*handler|callback|\w*func|fn|\w*listener|\w*subscriber|\w*semaphore)"
    r"(\(\S*\))?$|[: ]\w*session[,}]|^\w*session$|create_task\(|ensure_future\(|asyncio\.|threading\."
)
SOCKETS = re.compile(r"(?i)\bweb_?socket|websocket\b|\bws\b")
LIVE_TYPES = re.compile(
    r"Task\b|WebSocket|Lock|Queue|Future|Thread|Process|Callable|[Tt]ype\[|Client|Engine|Event\b|Semaphore"
)


class InMemoryJobStore(Check):
    """State that requests share is kept in the memory of one process: a restart loses it, a second worker has its own.

    Looked at: dicts, lists and sets that live as long as the process (module level, ``app.state``, a class, an object
    made once) and hold jobs, sessions, progress or records: what one request or background task stores there, another
    one reads. Caches, registries, counters, locks, open connections and handles of running tasks are left alone: they
    are recomputed, or belong to the process.

    High; critical where the deployment runs several workers or replicas, so that the next request may already reach
    a process that knows nothing of it. Fix: the same methods over Redis or the database, by hand.
    """

    id = "ARC002"
    name = "in-memory-job-store"
    category = "architecture"
    severity = "high"
    hours = Hours(4, 8, 16, each=2)
    fix_kinds = ("advice",)
    references = ("https://12factor.net/processes",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each class, or container outside of classes, that keeps shared state."""
        reached = reached_functions(project)
        stores: dict[tuple[str, str, str], list[Memory]] = defaultdict(list)
        for memory in memories(project.facts.behaviour):
            if is_state(memory, reached):
                single = memory.owner in ("", "app.state")
                stores[memory.place.path, memory.owner, memory.name if single else ""].append(memory)
        if not stores:
            yield NotApplicable("no state that requests share is kept in the memory of the process")
        several = several_processes(project.facts)
        for found in stores.values():
            yield finding(found, several, reached)


def finding(found: list[Memory], several: str, reached: frozenset[int]) -> Finding:
    """One store: the class or the container, who writes it, and what that costs."""
    first = found[0]
    names = ", ".join(m.name for m in found)
    what = {"": names, "app.state": f"app.state.{names}"}.get(first.owner, f"{first.owner} ({names})")
    writers = [t for m in found for t in m.touches if t.how == "stores" and id(t.function.node) in reached]
    severity = "critical" if several else "high"
    also = f"; with {several}, requests already miss what another process stored" if several else ""
    return Finding(
        first.place, f"{what} keeps what {writers[0].function.qualname}() stores in this process only: a restart or "
        f"deploy loses it, and a second worker never sees it{also}.", severity, chain=(writers[0].place,),
        fix=advice("Keep it in Redis or the database behind the same methods",
                   "what the state means and how long it must live decide its form in the store"),
    )


def own_state(project: Project) -> Memory | None:
    """The first container in which the process keeps state that requests share; None when it keeps none."""
    reached = reached_functions(project)
    return next((m for m in memories(project.facts.behaviour) if is_state(m, reached)), None)


def own_connections(project: Project) -> Memory | None:
    """The first container of open websockets: a message for one of them must reach the process that holds it."""
    reached = reached_functions(project)
    for memory in memories(project.facts.behaviour):
        stores = [t for t in memory.touches if t.how == "stores" and id(t.function.node) in reached]
        open_ones = SOCKETS.search(memory.annotation) or any(SOCKETS.search(t.value) for t in stores)
        if stores and open_ones and any(t.how == "reads" for t in memory.touches):
            return memory
    return None


def is_state(memory: Memory, reached: frozenset[int]) -> bool:
    """Whether a container holds what one function that serves requests stores and another one reads."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", memory.name).lower())
    owner = memory.owner if memory.owner != "app.state" else ""
    around = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", owner).lower())
    if any(OTHER.fullmatch(w) for w in words) or any(OTHER.fullmatch(w) for w in around if not STORE.search(owner)):
        return False
    if "cache" in around or not (any(STATE.fullmatch(w) for w in (*words, *around)) or STORE.search(owner)):
        return False
    stores = [t for t in memory.touches if t.how == "stores"]
    if LIVE_TYPES.search(memory.annotation) or any(LIVE.search(t.value) for t in stores):
        return False
    functions = {id(t.function.node) for t in memory.touches}
    return len(functions) > 1 and any(id(t.function.node) in reached for t in stores)


def reached_functions(project: Project) -> frozenset[int]:
    """Identities of the bodies that requests, and what they start, can run; start-up and shutdown are none of them."""
    behaviour = project.facts.behaviour
    todo = [e.function for e in behaviour.entries]
    seen = {id(f.node) for f in todo}
    while todo:
        for call in behaviour.calls_in(todo.pop()):
            handed = [f for a in (*call.args, *call.kwargs.values()) for f in functions_behind(a)]
            for f in (*functions_behind(call.site.callee), *handed):
                if id(f.original.node) not in seen:
                    seen.add(id(f.original.node))
                    todo.append(f.original)
    return frozenset(seen - {id(f.node) for f in startup_functions(behaviour)})


HEAD = "from fastapi import FastAPI\n\napp = FastAPI()\n"
API = ("\n\n@app.post(\"/jobs/{key}\")\ndef submit(key: str) -> None:\n    JOBS[key] = {\"status\": \"queued\"}\n\n\n"
       "@app.get(\"/jobs/{key}\")\ndef state(key: str) -> dict[str, str]:\n    return JOBS[key]\n")
CLASS = ("class InMemoryJobStore:\n    def __init__(self) -> None:\n        self._jobs: dict[str, str] = {}\n\n"
         "    async def add(self, key: str) -> None:\n        self._jobs[key] = \"queued\"\n\n"
         "    async def get(self, key: str) -> str | None:\n        return self._jobs.get(key)\n")
USE = ("\n\n@app.post(\"/jobs/{key}\")\nasync def submit(key: str) -> None:\n    await store.add(key)\n\n\n"
       "@app.get(\"/jobs/{key}\")\nasync def state(key: str) -> str | None:\n    return await store.get(key)\n")
InMemoryJobStore.examples = (
    Bad({"main.py": HEAD + "JOBS: dict[str, dict[str, str]] = {}\n" + API}, at=("main.py:4",), severity="high"),
    Bad(  # a class, its object made in another module, four workers
        {"app/store.py": CLASS, "app/main.py": HEAD.replace("\napp", "from app.store import InMemoryJobStore\n\napp", 1)
         + "store = InMemoryJobStore()\n" + USE,
         "Dockerfile": "FROM python:3.13\nCOPY . .\nCMD [\"uvicorn\", \"app.main:app\", \"--workers\", \"4\"]\n"},
        at=("app/store.py:3",), severity="critical",
    ),
    Bad(  # imported under another name, written by a background task
        {"app/state.py": "uploads = {}\n",
         "app/main.py": "from fastapi import BackgroundTasks, FastAPI\nfrom app.state import uploads as u\n\n"
         "app = FastAPI()\n"
         "\n\ndef work(key: str) -> None:\n    u[key] = \"done\"\n\n\n@app.post(\"/{key}\")\n"
         "def start(key: str, tasks: BackgroundTasks) -> None:\n    tasks.add_task(work, key)\n\n\n"
         "@app.get(\"/{key}\")\ndef state(key: str) -> str:\n    return u.get(key, \"?\")\n"},
        at=("app/state.py:1",),
    ),
    Bad(  # on the application
        {"main.py": HEAD.replace("FastAPI\n", "FastAPI, Request\n", 1) + "app.state.sessions = {}\n\n\n"
         "@app.post(\"/login\")\ndef login(request: Request, user: str) -> None:\n"
         "    request.app.state.sessions.update({user: \"in\"})\n\n\n@app.get(\"/me\")\n"
         "def me(request: Request, user: str) -> str:\n    return request.app.state.sessions[user]\n"},
        at=("main.py:4",),
    ),
    Good(  # a cache, a read-only table, handles of running tasks
        {"main.py": "import asyncio\n\n" + HEAD + "price_cache: dict[str, int] = {}\n"
         "USERS = {\"a\": 1}\n"
         "tasks = set()\n\n\n"
         "@app.get(\"/{key}\")\nasync def price(key: str) -> int:\n    price_cache.setdefault(key, 1)\n"
         "    task = asyncio.create_task(asyncio.sleep(1))\n    tasks.add(task)\n"
         "    task.add_done_callback(tasks.discard)\n    return price_cache[key] + USERS[key]\n\n\n"
         "@app.delete(\"/\")\ndef clear() -> None:\n    price_cache.clear()\n    tasks.clear()\n"},
        outcome="not_applicable",
    ),
    Good(  # a local name, and an object that lives for one request
        {"main.py": HEAD + "\n\n" + CLASS + "\n\n@app.get(\"/\")\nasync def index() -> str | None:\n"
         "    jobs = {}\n    jobs[\"a\"] = 1\n    store = InMemoryJobStore()\n    await store.add(\"a\")\n"
         "    return await store.get(\"a\")\n"},
        outcome="not_applicable",
    ),
    Good(  # filled when the process starts
        {"main.py": "from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n\nrecords = {}\n\n\n"
         "@asynccontextmanager\nasync def lifespan(app: FastAPI):\n    records[\"a\"] = 1\n    yield\n"
         "    records.clear()\n\n\n"
         "app = FastAPI(lifespan=lifespan)\n\n\n@app.get(\"/\")\ndef index() -> int:\n    return records[\"a\"]\n"},
        outcome="not_applicable",
    ),
)
