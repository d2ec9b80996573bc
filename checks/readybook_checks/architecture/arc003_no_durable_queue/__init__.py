"""ARC003: work that must survive a restart, and no queue that would keep it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Check, Finding, Hours, NotApplicable, Project, Right, advice
from readybook.facts.backgroundwork import Work, reached_by
from readybook.facts.behaviour import Behaviour, Call, Reached
from readybook.facts.nodes import is_node, statements
from readybook.facts.queues import Queue
from readybook.facts.reach import first_reached
from readybook.facts.values import by_default
from readybook.finding import Answer
from readybook.patterns import regex
from readybook_checks.architecture.arc003_no_durable_queue.examples import BAD, GOOD
from readybook_checks.architecture.arc003_no_durable_queue.scaffold import scaffold
from readybook_checks.architecture.background import behind_apps, polling_route

MONEY = regex(r"payments?|pay|charges?|refunds?|payouts?|invoices?|billing|checkout|settlements?")
FILES = regex(
    r"imports?|exports?|uploads?|files?|pdfs?|csv|videos?|transcode|transcribe|render|reports?|convert|conversion|"
    r"thumbnails?|backups?|ingest(?:ion)?|train(?:ing)?|embed(?:dings?)?|ocr|migrat(?:e|ion)|scrape|crawl|jobs?"
)
# told to somebody and forgotten: losing one is no loss of data
TOLD = regex(r"e?mails?|mail|notif(?:y|ications?)|push|sms|log(?:s|ging)?|audit|track(?:ing)?|metrics?|analytics|"
             r"webhooks?|slack|telegram|message|cache|warm|invalidate|stats?")
# what an answer leaves behind is taken away: the next start, or the folder's cleaning, does it as well
TIDYING = frozenset({"delete", "remove", "unlink", "clean", "cleanup", "rm"})
SLOW = ("asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "subprocess.run", "subprocess.Popen",
        "subprocess.check_call", "subprocess.check_output", "os.system")
SLEEPS = ("time.sleep", "asyncio.sleep")
LONG = 5  # seconds
Lost = tuple[Work, Reached, tuple[str, str]]
PUSHES, POPS = ("lpush", "rpush"), ("blpop", "brpop")


class NoDurableQueue(Check):
    """Work that must survive a restart runs in the memory of the serving process, and no queue keeps it.

    Looked at: what requests start and do not wait for (tasks of the event loop, threads, executors, FastAPI's
    ``BackgroundTasks``) and lists in Redis that are used as a queue. It counts where the work must not be lost: clients
    poll for its outcome, it keeps a status, it is about money or files, it takes longer than a few seconds. Telling
    somebody (an e-mail, a notification, a log record) does not. Each deploy ends such a process; what it was doing is
    gone, and nobody tries again. A queue is one of celery, rq, arq, dramatiq, taskiq, procrastinate, saq, huey and
    their kind, or a broker, that the code sets up.

    High where clients poll for the outcome or money is moved, else medium. Fix: a Celery application from the
    settings, JSON only, with time limits and late acknowledgement, a task for each function that can be called with
    plain values, the command that starts a worker, and its compose service; a person turns the call sites over.
    """

    id = "ARC003"
    name = "no-durable-queue"
    category = "architecture"
    severity = "high"
    hours = Hours(16, 40, 56)
    fix_kinds = ("scaffold", "advice")
    suppressed_by = ("ARC001", "ARC002")
    references = ("https://fastapi.tiangolo.com/tutorial/background-tasks/#caveat",
                  "https://docs.celeryq.dev/en/stable/getting-started/first-steps-with-celery.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """A Right for each queue; without one a finding for each start of work that must not be lost."""
        behaviour = project.facts.behaviour
        known = behaviour.queues
        if known:
            for queue in _first(known):
                yield Right(queue.place, f"{queue.library} carries work to other processes")
            return
        near = behind_apps(project)
        works = [w for w in behaviour.background_work if w.place.path in near]
        ways = first_reached(behaviour, [w.call for w in works])
        begun = [(w, way) for w in works if (way := ways.get(id(w.call))) is not None]
        lost = [(w, way, why) for w, way in begun if (why := must_survive(project, w, way)) is not None]
        lists = redis_lists(behaviour)
        cure = scaffold(project, [w for w, _, _ in lost]) if lost else None
        for same in _by_function(lost):
            work, way, (severity, why) = same[0]
            more = f"; {len(same) - 1} more places do the same" if len(same) > 1 else ""
            yield Finding(work.place, _message(project, work, way, why + more), severity, fix=cure,
                          confidence="high" if severity == "high" else "medium",
                          chain=(*(s.place for s in way.chain), *(w.place for w, _, _ in same[1:20])))
        for push, pop in lists:
            yield Finding(
                pop.place, f"{pop.last}() takes a job off the list that {push.place} fills before it is done: a worker "
                "that dies loses it, and nothing tries again.", "medium", confidence="medium", chain=(push.place,),
                fix=advice("Hand these jobs to a queue that acknowledges them when they are done",
                           "who reads the list, and what a job holds, is decided by hand"))
        if not lost and not lists:
            yield NotApplicable("requests start work that may be lost, and none that must survive a restart" if works
                                else "requests start no work that goes on after the answer")


def _by_function(lost: list[Lost]) -> list[list[Lost]]:
    """The starts of each function together, the gravest first: one function is moved once."""
    groups: dict[int, list[Lost]] = {}
    for one in lost:
        work = one[0]
        key = id(work.function.node) if work.function is not None else id(work)
        groups.setdefault(key, []).append(one)
    return [sorted(same, key=lambda one: one[2][0] != "high") for same in groups.values()]


def _first(known: tuple[Queue, ...]) -> list[Queue]:
    return list({queue.library: queue for queue in reversed(known)}.values())


def must_survive(project: Project, work: Work, way: Reached) -> tuple[str, str] | None:
    """(severity, why) of work that must not be lost; None when losing it costs nobody anything that is seen here."""
    if way.entry.kind not in ("handler", "dependency"):
        return None
    names = _words(work.function.name if work.function is not None else "")
    path = _words(way.entry.route.path if way.entry.route is not None else "")
    if any(TOLD.fullmatch(word) for word in names):
        return None
    polled = polling_route(project, way.entry.route)
    status = keeps_status(project.facts.behaviour, work)
    if polled is not None and (status or any(FILES.fullmatch(w) for w in (*names, *path))):
        return "high", f"clients ask for its outcome at {polled.path}"
    if any(MONEY.fullmatch(word) for word in names):
        return "high", "it is about money"
    if status:
        return "medium", "it keeps a status, which would stay as it was"
    if any(FILES.fullmatch(word) for word in names) and not TIDYING & set(names):
        return "medium", "nobody starts it again"
    slow = lasts(project.facts.behaviour, work)
    return ("medium", slow) if slow else None


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def keeps_status(behaviour: Behaviour, work: Work) -> bool:
    """Whether the work, or what it calls, writes down how far it is."""
    if work.function is None or work.function.node[0] != "def":
        return False
    calls = reached_by(behaviour, work.function)
    if any("status" in call.kwargs or _names_status(call) for call in calls):
        return True
    bodies = {id(f.node): f for c in calls if (f := c.site.function) is not None and f.node[0] == "def"}
    return any(_sets_status(f.node[6]) for f in (work.function, *bodies.values()))


def _names_status(call: Call) -> bool:
    """Whether a member of an enumeration of states is handed over: ``JobStatus.RUNNING``."""
    given = (*call.site.node[4], *(value for _, value in call.site.node[5]))
    return any(a[0] == "attr" and a[3][0] == "name" and a[3][3].endswith(("JobStatus", "TaskStatus", "JobState"))
               for a in given)


def _sets_status(body: object) -> bool:
    for s in statements(body):
        for target in s[4] if s[0] == "assign" else ():
            if target[0] == "attr" and target[4] in ("status", "state"):
                return True
            if target[0] == "sub" and is_node(target[4]) and target[4][0] == "const" and target[4][3] in (
                    "status", "state"):
                return True
    return False


def lasts(behaviour: Behaviour, work: Work) -> str:
    """Why the work takes longer than a few seconds; empty when nothing shows it."""
    if work.function is None:
        return ""
    for call in reached_by(behaviour, work.function):
        if call.path in SLOW:
            return f"it runs another program ({call.place})"
        given = by_default(call.args[0]) if call.path in SLEEPS and call.args else None
        if isinstance(given, int | float) and given >= LONG:
            return f"it waits {given:g} seconds ({call.place})"
    return ""


def redis_lists(behaviour: Behaviour) -> list[tuple[Call, Call]]:
    """(push, pop) of lists in Redis that one part of the code fills and another one empties."""
    calls = [c for c in behaviour.written_as(*PUSHES, *POPS) if "redis" in c.path.lower()]
    pushes = [c for c in calls if c.last in PUSHES]
    pops = [c for c in calls if c.last in POPS]
    return [(pushes[0], pop) for pop in pops if pushes[0].function != pop.function] if pushes else []


def _message(project: Project, work: Work, way: Reached, why: str) -> str:
    route = way.entry.route
    who = f"{route.method} {route.path}" if route is not None else way.entry.function.name
    what = f"{work.function.name}()" if work.function is not None else work.call.last
    how = {"task": "a task of the event loop", "executor": "an executor", "thread": "a thread",
           "afterwards": "BackgroundTasks"}[work.how]
    declared = next((r.name for r in project.facts.requirements if r.name.lower() in (
        "celery", "rq", "arq", "dramatiq", "taskiq", "procrastinate", "saq", "huey")), "")
    unused = f" ({declared} is declared, and never set up)" if declared else ""
    return (f"{who} leaves {what} to {how}: a deploy or a crash loses it, nothing tries it again, and {why}{unused}.")


NoDurableQueue.examples = (*BAD, *GOOD)
