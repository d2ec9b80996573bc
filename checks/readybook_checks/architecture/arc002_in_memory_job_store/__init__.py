"""ARC002: jobs, sessions and other state kept in the memory of one process."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from readybook import CannotTell, Check, Finding, Hours, NotApplicable, Project
from readybook.facts.behaviour import functions_behind
from readybook.facts.memory import Memory, memories
from readybook.facts.processes import several_processes
from readybook.facts.reach import startup_functions
from readybook.finding import Answer
from readybook.patterns import regex
from readybook_checks.architecture.arc002_in_memory_job_store.curing import cure
from readybook_checks.architecture.arc002_in_memory_job_store.examples import EXAMPLES
from readybook_checks.architecture.arc002_in_memory_job_store.own import also_shared, of_its_own

STATE = regex(
    r"jobs?|tasks?|sessions?|states?|status(es)?|progress|stores?|storage|uploads?|files?|queues?|conversations?|histor(y|ies)|"
    r"messages?|chats?|rooms?|games?|players?|users?|accounts?|orders?|carts?|items?|tokens?|otps?|codes?|results?|"
    r"reports?|todos?|notes?|posts?|books?|products?|db|database|records?|runs?|workflows?|pending|blacklist|revoked|"
    r"memory|repository|data|documents?|events?|subscriptions?|notifications?"
)
STORE = regex(r"(InMemory|Memory)|(Store|Storage|Repository|Repo|Manager|Tracker)$")
# recomputed, counted or private to the process by nature
OTHER = regex(
    r"cache[ds]?|caching|memo(ized?)?|lru|ttl|registry|registered|handlers?|plugins?|metrics?|counters?|counts?|stats|"
    r"locks?|throttles?|rates?|limits?|limiter|buckets?|warned|seen|loaded|configs?|settings|mappings?|lookup|index|"
    r"connections?|clients?|engines?|models?|adapters?|providers?|factor(y|ies)|hooks?|listeners?|callbacks?|"
    r"overrides?|routes?|routers?|tools?|types?|schemas?|instances?|singletons?|breakers?|circuit|sockets?|websockets?|"
    r"consumers?|producers?|subscribers?|publishers?|threads?|workers?|watchers?|observers?|latenc(y|ies)|timings?|durations?|errors?|pool|pools|features?|last|writes?|background|running|extensions?|services?|parsers?"
)
LIVE = regex(
    r"(?i)\b(\w*task|\w*websocket|ws|\w*socket|\w*lock|\w*queue|\w*future|fut|\w*client|conn|\w*connection|\w*event|"
    r"\w*engine|\w*pool|\w*thread|\w*process|\w*handler|callback|\w*func|fn|\w*listener|\w*subscriber|\w*semaphore)"
    r"(\(\S*\))?$|\.(?:get_)?(?:collection|table|bucket|topic)\("
    r"|[: ]\w*session[,}]|^\w*session$|create_task\(|ensure_future\(|asyncio\.|threading\."
)
IN_WORK = regex(r"(?i)(?:^|_)(?:pending|in_?flight|in_progress|ongoing|refreshing)(?:_|$)")
SOCKETS = regex(r"(?i)\bweb_?socket|websocket\b|\bws\b")
NAMED_SOCKETS = regex(r"[Ww][Ee][Bb]_?[Ss][Oo][Cc][Kk][Ee][Tt]|[Ww][Ss](?<!\w[Ww][Ss])\b")  # the same, found sooner
LIVE_TYPES = regex(
    r"Task\b|WebSocket|Lock|Queue|Future|Thread|Process|Callable|[Tt]ype\[|Client|Engine|Event\b|Semaphore"
)


class InMemoryJobStore(Check):
    """State that requests share is kept in the memory of one process: a restart loses it, a second worker has its own.

    Looked at: dicts, lists and sets that live as long as the process (module level, ``app.state``, a class, an object
    made once) and hold jobs, sessions, progress or records: what one request or background task stores there, another
    one reads. Caches, registries, counters, locks, open connections and handles of running tasks are left alone: they
    are recomputed, or belong to the process.

    High; critical where the deployment runs several workers or replicas, so that the next request may already reach
    a process that knows nothing of it.

    Fix: a dict by text, or a set of texts, that is used by single operations only, all of which mean the same over
    Redis, becomes a store there, awaited where coroutines use it; its values are JSON, or models and dataclasses that
    survive it. Elsewhere the use that stands in the way is named, and nothing is moved by halves.
    """

    id = "ARC002"
    name = "in-memory-job-store"
    category = "architecture"
    severity = "high"
    hours = Hours(4, 8, 16, each=2)
    fix_kinds = ("scaffold", "advice")
    references = ("https://12factor.net/processes",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each class, or container outside of classes, that keeps shared state."""
        reached, found_any = project.facts.behaviour.requested, False
        stores: dict[tuple[str, str, str], list[Memory]] = defaultdict(list)
        for memory in memories(project.facts.behaviour, named_as_state):
            if is_state(memory, reached) and not of_its_own(memory, project.text(memory.place.path)):
                if shared := also_shared(memory):
                    yield CannotTell(f"whether {shared}…) shares {memory.owner}.{memory.name} is not followed",
                                     memory.place)
                    found_any = True
                    continue
                single = memory.owner in ("", "app.state")
                stores[memory.place.path, memory.owner, memory.name if single else ""].append(memory)
        if not stores and not found_any:
            yield NotApplicable("no state that requests share is kept in the memory of the process")
        several = several_processes(project.facts)
        in_loop = loop_functions(project) if stores else frozenset()
        for found in stores.values():
            yield finding(project, found, several, reached, in_loop)


def finding(project: Project, found: list[Memory], several: str, reached: frozenset[int],
            in_loop: frozenset[int]) -> Finding:
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
        fix=cure(project, found, once_functions(project), in_loop),
    )


def own_state(project: Project) -> Memory | None:
    """The first container in which the process keeps state that requests share; None when it keeps none."""
    behaviour = project.facts.behaviour
    return next((m for m in memories(behaviour, named_as_state) if is_state(m, behaviour.requested)
                 and not of_its_own(m, project.text(m.place.path))), None)


def own_connections(project: Project) -> Memory | None:
    """The first container of open websockets: a message for one of them must reach the process that holds it."""
    reached = project.facts.behaviour.requested
    texts = [m.text for m in project.facts.modules.by_path.values() if m.role == "application"]
    words = {word for text in texts if NAMED_SOCKETS.search(text) for word in re.findall(r"\w+", text)}
    for memory in memories(project.facts.behaviour, lambda name, owner: name in words) if words else ():
        stores = [t for t in memory.touches if t.how == "stores" and id(t.function.node) in reached]
        open_ones = SOCKETS.search(memory.annotation) or any(SOCKETS.search(t.value) for t in stores)
        if stores and open_ones and any(t.how == "reads" for t in memory.touches):
            return memory
    return None


def named_as_state(name: str, owner: str) -> bool:
    """Whether a container's name, and that of what holds it, mean state that a service keeps for its users."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    owner = owner if owner != "app.state" else ""
    around = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", owner).lower())
    if any(OTHER.fullmatch(w) for w in words) or any(OTHER.fullmatch(w) for w in around if not STORE.search(owner)):
        return False
    return "cache" not in around and (any(STATE.fullmatch(w) for w in (*words, *around)) or bool(STORE.search(owner)))


def is_state(memory: Memory, reached: frozenset[int]) -> bool:
    """Whether a container named as state holds what one function that serves requests stores and another one reads."""
    stores = [t for t in memory.touches if t.how == "stores"]
    if LIVE_TYPES.search(memory.annotation) or any(LIVE.search(t.value) for t in stores):
        return False
    if memory.kind == "set" and IN_WORK.search(memory.name) and any(t.how == "drops" for t in memory.touches):
        return False  # marks of what this process is at
    functions = {id(t.function.node) for t in memory.touches}
    return len(functions) > 1 and any(id(t.function.node) in reached for t in stores)


def once_functions(project: Project) -> frozenset[int]:
    """Identities of the bodies that start-up and shutdown run."""
    behaviour = project.facts.behaviour
    todo = list(startup_functions(behaviour))
    seen = {id(f.node) for f in todo}
    while todo:
        for call in behaviour.calls_in(todo.pop()):
            for f in functions_behind(call.site.callee):
                if id(f.original.node) not in seen:
                    seen.add(id(f.original.node))
                    todo.append(f.original)
    return frozenset(seen)


def loop_functions(project: Project) -> frozenset[int]:
    """Identities of the bodies that run in the event loop while it serves: what they wait for, all wait for."""
    behaviour = project.facts.behaviour
    found = set[int]()
    for entry in behaviour.entries:
        if entry.in_loop:
            found.add(id(entry.function.node))
            found.update(id(w.function.original.node) for w in behaviour.ways(entry) if behaviour.calls_in(w.function))
    return frozenset(found)
