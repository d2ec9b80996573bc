"""PER001: calls that stop the event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from textwrap import dedent

from readybook import Check, Finding, Fix, Hours, NotApplicable, Right, advice
from readybook.facts.behaviour import Behaviour, Call, Reached, functions_behind
from readybook.facts.blocking import Blocking, blocking
from readybook.facts.nodes import own_nodes
from readybook.facts.objects import Bound, FunctionValue
from readybook.facts.reach import Reaching
from readybook.facts.stores import is_cached, is_kept
from readybook.facts.values import by_default
from readybook.finding import Answer
from readybook.intents import EnsureImport, MakeSync, RemoveUnusedImport, ReplaceExpression
from readybook.place import Place
from readybook.project import Project
from readybook.records import record
from readybook_checks.performance.per001_blocking_call_in_async.examples import EXAMPLES
from readybook_checks.performance.per001_blocking_call_in_async.sessions import on_async_session

SEVERITY = {"sleep": "critical", "console": "critical", "http": "critical", "process": "critical",
            "network": "critical", "database": "critical", "broker": "high", "file": "medium"}
SHORT = 0.01  # seconds: what a query takes anyway


@record
class Block:
    """One blocking call that runs in the event loop, and every way that leads to it, the shortest first."""

    why: Blocking
    ways: tuple[Reached, ...]


class BlockingCallInAsync(Check):
    """A call inside an async function blocks the event loop, and with it every request of the process.

    Looked at: everything that runs in the event loop while a request is served (async handlers, async dependencies,
    middleware, exception handlers, websockets), followed through the project's own functions and methods across
    modules. Handlers and dependencies that are plain ``def`` run in a thread pool and are left alone, and so is what is
    handed to ``to_thread``, ``run_in_threadpool`` or an executor. Start-up code and scripts are not looked at. Queries
    of one function, which share their session and their cure, are told once.

    Sleeping, HTTP, child processes and database drivers are critical; sending a task to a message broker is high: short
    until the broker is down, and then it waits through every retry; file access is medium: short on a local disk, and
    so is a sleep of up to ten milliseconds.

    Fix, the simplest that is right: ``await asyncio.sleep``; a handler that awaits nothing becomes ``def``, so that
    FastAPI runs it in its thread pool; otherwise the call moves to a thread with ``run_in_threadpool``.
    """

    id = "PER001"
    name = "blocking-call-in-async"
    category = "performance"
    severity = "critical"
    hours = Hours(0.5, 1, 3, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/async/", "https://docs.python.org/3/library/asyncio-dev.html")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each blocking call that the event loop runs, one for a function's queries; a Right for each
        entry that reaches none."""
        behaviour = project.facts.behaviour
        entries = [e for e in behaviour.entries if e.in_loop]
        if not entries:
            yield NotApplicable("no async handler, dependency or middleware: nothing runs in the event loop")
        waiting = Reaching(behaviour, (c for c in behaviour.matching(blocking) if not c.awaited))
        once = cache(lambda function, line: is_cached(function) or is_kept(function, line))
        plain = cache(partial(becomes_def, behaviour))
        ways: dict[Place, list[Reached]] = {}
        for entry in entries:
            found = [r for r in waiting.by(entry) if not _once(r, once) and not on_async_session(behaviour, r)]
            for reached in found:
                ways.setdefault(reached.call.place, []).append(reached)
            if not found:
                yield Right(entry.place, "reaches no call that is known to block")
        queries: dict[tuple[int, tuple[object, ...]], list[tuple[Block, Fix]]] = {}
        for reaching in ways.values():
            why = blocking(reaching[0].call.path)
            if why is None:
                continue
            block = Block(why, tuple(sorted(reaching, key=lambda r: len(r.chain))))
            function = reaching[0].call.site.function
            cure = fix(plain, block)
            if why.kind != "database" or function is None:
                yield self._finding(block, cure)
            else:  # one session's queries in one function have one cure together
                queries.setdefault((id(function.original.node), cure.intents), []).append((block, cure))
        for found in queries.values():
            found.sort(key=lambda f: (f[0].ways[0].call.place.line, f[0].ways[0].call.place.column))
            yield self._finding(*found[0], len(found) - 1)

    def _finding(self, block: Block, cure: Fix, alike: int = 0) -> Finding:
        first = block.ways[0]
        call, entry, chain, others = first.call, first.entry, first.chain, len(block.ways) - 1
        serves = f"{entry.route.method} {entry.route.path}" if entry.route else entry.kind
        way = f", {len(chain)} call{'s' if len(chain) > 1 else ''} below" if chain else ", in"
        more = f"; {others} more {'entry reaches' if others == 1 else 'entries reach'} it" if others else ""
        like = f"; {alike} more quer{'y' if alike == 1 else 'ies'} in that function" if alike else ""
        message = (
            f"{call.path}({_shown(block.why, call)}) waits for {block.why.what} in the event loop{way} "
            f"{entry.name.rpartition('.')[2]} ({serves}){more}{like}: meanwhile this process serves no other request."
        )
        return Finding(
            call.place, message, _severity(block.why, call), confidence="high", fix=cure,
            chain=tuple(step.place for step in chain),
        )


def _once(way: Reached, once: Callable[[FunctionValue, int], bool]) -> bool:
    """Whether the call runs for the first request only: a function whose result is kept stands on the way to it."""
    inner = [*(step.call for step in way.chain[1:]), way.call]
    return any(once(f, call.place.line) for step, call in zip(way.chain, inner, strict=False)
               for f in functions_behind(step.call.site.callee))


def _pause(why: Blocking, call: Call) -> float | None:
    """The seconds that a sleep takes, None when it is no sleep or they are not written in the code."""
    seconds = by_default(call.args[0]) if why.kind == "sleep" and len(call.args) == 1 else None
    return float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None


def _severity(why: Blocking, call: Call) -> str:
    """A pause that is shorter than a query is medium: it is felt when it comes often."""
    pause = _pause(why, call)
    return "medium" if pause is not None and pause <= SHORT else SEVERITY[why.kind]


def _shown(why: Blocking, call: Call) -> str:
    pause = _pause(why, call)
    return "" if pause is None else f"{pause:g}"


def fix(plain: Callable[[FunctionValue], bool], block: Block) -> Fix:
    """The simplest cure of every way to the call; advice when one of them has none."""
    cures: dict[str, Fix] = {}
    for way in block.ways:
        cure = cure_of(plain, block.why, way)
        if cure is None:
            first = way.chain[0].place if way.chain else way.call.place
            return advice(
                f"Move the call at {first} to a thread or use an async client",
                "the call stands where its result is used in a way that a patch cannot follow safely",
            )
        cures.setdefault(cure.title, cure)
    kept = list(cures.values())
    worst = next((c for c in kept if c.safety == "review"), kept[0])
    more = f", and {len(kept) - 1} more such change{'s' if len(kept) > 2 else ''}" if len(kept) > 1 else ""
    intents = tuple(dict.fromkeys(i for c in kept for i in c.intents))
    return Fix(kept[0].title + more, intents, safety=worst.safety, reason=worst.reason)


def cure_of(plain: Callable[[FunctionValue], bool], why: Blocking, way: Reached) -> Fix | None:
    """The simplest cure that keeps the behaviour, of one way to a blocking call."""
    call, entry = way.call, way.entry
    written = call.written
    if why.kind == "sleep" and not way.chain and written is not None:
        callee, arguments = written
        intents = (
            EnsureImport(call.place.path, "asyncio"),
            ReplaceExpression(call.place, f"{callee}({arguments})", f"await asyncio.sleep({arguments})"),
            RemoveUnusedImport(call.place.path, callee.partition(".")[0]),
        )
        return Fix("Sleep without holding the event loop", intents, safety="safe",
                   reason="the same pause, cooperatively")
    if entry.kind in ("handler", "dependency") and entry.route is not None and plain(entry.function):
        return Fix(
            f"Make {entry.name.rpartition('.')[2]} a plain def, which FastAPI runs in its thread pool",
            (MakeSync(entry.place, entry.function.name),), safety="safe",
            reason="it awaits nothing; the thread pool holds 40 requests at a time",
        )
    return hop_to_thread(why, way)


def becomes_def(behaviour: Behaviour, f: FunctionValue) -> bool:
    """Whether an async function that serves routes can lose its ``async``: it awaits nothing, uses no loop, and only
    FastAPI calls it."""
    if f.owner is not None:
        return False
    for call in behaviour.calls_in(f):
        if call.path.startswith(("asyncio.", "anyio.", "contextvars.")) or call.awaited:
            return False
    callers = [c for c in behaviour.by_path.get(f.original.path, []) if c.site.callee is not None]
    return not callers and not _has_await(f.node[6])


def hop_to_thread(why: Blocking, way: Reached) -> Fix | None:
    """``await run_in_threadpool(f, …)`` for the blocking step that an async function itself makes."""
    target = _step_in_loop(way)
    if target is None or target.written is None or _inside_lambda_or_comprehension(target):
        return None
    if why.kind == "database":
        return None  # a session belongs to one thread at a time: an async driver or a plain def is the cure
    if target.path == "open" or why.kind == "file" and target is way.call:
        return None  # the handle would still be read in the loop
    callee, arguments = target.written
    new = _in_thread(callee, arguments, target)
    return Fix(
        f"Run {callee} in the thread pool",
        (EnsureImport(target.place.path, "fastapi.concurrency", "run_in_threadpool"),
         ReplaceExpression(target.place, f"{callee}({arguments})", new)),
        safety="review",
        reason="the call runs in another thread: what it shares with the event loop must be thread-safe",
    )


def _in_thread(callee: str, arguments: str, call: Call) -> str:
    """The call as one of run_in_threadpool; arguments on lines of their own stay there, each with its own."""
    lines = [line.strip() for line in arguments.split("\n") if line.strip()]
    joined = ", ".join([callee, *([" ".join(lines).rstrip(",")] if lines else [])])
    if len(lines) < 2 or "#" in arguments or '"""' in arguments:
        return f"await run_in_threadpool({callee}{', ' + arguments if arguments else ''})"
    line = call.site.module.text.split("\n")[call.place.line - 1]
    if len(line) + len(joined) < 110 or not all(one.endswith(("," , "(", "[", "{")) for one in lines[:-1]):
        return f"await run_in_threadpool({joined})"
    # lines of one argument keep their steps; where the statement stands is added when the text is placed
    head, _, rest = arguments.strip().expandtabs(4).partition("\n")
    kept = [head.rstrip(), *(one.rstrip() for one in dedent(rest).split("\n") if one.strip())]
    inner = "".join(f"    {one}\n" for one in (f"{callee},", *kept[:-1], kept[-1].rstrip(",") + ","))
    return f"await run_in_threadpool(\n{inner})"


def _step_in_loop(way: Reached) -> Call | None:
    """The call, in the last async function on the way, through which the blocking call is reached."""
    for call in (*[step.call for step in way.chain], way.call):
        callee = call.site.callee
        f = callee.function if isinstance(callee, Bound) else callee
        made_by_async = call.site.function is not None and call.site.function.is_async
        if made_by_async and not call.awaited and not (isinstance(f, FunctionValue) and f.is_async):
            return call
    return None


def _inside_lambda_or_comprehension(call: Call) -> bool:
    return call.site.function is not None and call.site.function.name == "<lambda>"


def _has_await(body: object) -> bool:
    """Whether a body awaits, loops or enters asynchronously."""
    return any(n[0] == "await" or n[0] == "for" and n[8] or n[0] == "with" and n[6] for n in own_nodes(body))
