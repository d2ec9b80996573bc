"""ARC020: the client waits for a message that is not for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.backgroundwork import AFTERWARDS
from readybook.facts.behaviour import Behaviour, Call, Entry, functions_behind
from readybook.facts.nodes import holds, statements
from readybook.facts.objects import FunctionValue
from readybook.facts.queries import session_kind
from readybook.finding import Answer
from readybook.intents import EnsureImport, EnsureParameter, ReplaceExpression
from readybook.patterns import regex

# what libraries call it when a message leaves for a person
SENDING = regex(
    r"^(?:aiosmtplib\.(?:send|SMTP\.send_message)|smtplib\.SMTP(?:_SSL)?\.(?:send_message|sendmail)|"
    r"fastapi_mail(?:\.\w+)*\.FastMail\.send_message|sendgrid\.(?:\w+\.)*SendGridAPIClient\.send|"
    r"resend\.Emails\.send|twilio\.rest\.Client(?:\(\))?\.messages\.create|firebase_admin\.messaging\.send\w*|"
    r"postmarker\.\S*\.send|mailgun\.\S*\.create|exponent_server_sdk\.PushClient\.publish\w*)$")
NAMED = regex(r"^(?:a?send|deliver|dispatch)_(?:\w+_)?"
              r"(?:e?mail|sms|push|notification|welcome|newsletter)s?(?:_\w+)?$")
# messages whose loss the caller has to hear of, or that are a record
MATTERS = regex(r"otp|code|verif|reset|token|password|audit|log|invoice|payment|receipt|confirm|magic|login", re.I)


class NoBackgroundTasks(Check):
    """A handler sends an e-mail, SMS or push message and lets its client wait until that is done.

    Looked at: calls in handlers that stand alone as a statement, of libraries that send messages and of the project's
    own functions that are named for it and do so. Messages that the client needs (codes, resets, receipts), audit
    entries, calls whose failure the handler answers, and calls that are given the request's database session are left
    alone.

    Fix: the call moves to ``BackgroundTasks``, which runs it after the answer; advice where it is given more than plain
    arguments. A task that must survive a restart belongs into a queue (ARC003).
    """

    id = "ARC020"
    name = "no-background-tasks"
    category = "architecture"
    severity = "low"
    hours = Hours(0.5, 2, 4, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/tutorial/background-tasks/",)
    suppressed_by = ("PER001",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each message that a handler waits for; a Right for each that it hands on."""
        behaviour = project.facts.behaviour
        handed = [c for c in behaviour.calls_to(*AFTERWARDS) if c.args and any(
            _sends(behaviour, f) for f in functions_behind(c.args[0]))]
        yield from (Right(c.place, "it is sent after the answer") for c in handed)
        looked = bool(handed)
        for entry in behaviour.entries:
            for call in _awaited(behaviour, entry) if entry.kind == "handler" else ():
                looked = True
                yield _finding(behaviour, entry, call)
        if not looked:
            yield NotApplicable("no handler sends messages that its client need not wait for")


def _awaited(behaviour: Behaviour, entry: Entry) -> Iterator[Call]:
    """The calls of a handler's body that send a message and whose result and failure nobody looks at."""
    function = entry.function
    if function.node[0] != "def":
        return
    for statement in statements(function.node[6]):
        value = statement[4] if statement[0] == "expr" else None
        value = value[3] if value is not None and value[0] == "await" else value
        call = behaviour.by_node.get(id(value)) if value is not None and value[0] == "call" else None
        if call is None or call.in_loop or MATTERS.search(f"{call.last} {function.name}"):
            continue
        given = (*call.args, *call.kwargs.values())
        if any(session_kind(v) for v in given):
            continue
        sends = SENDING.match(call.path) or any(_sends(behaviour, f) for f in functions_behind(call.site.callee))
        if sends and not any(s[0] == "try" and holds(s[4], value) for s in statements(function.node[6])):
            yield call


def _sends(behaviour: Behaviour, function: FunctionValue) -> bool:
    """Whether a project function is named for sending and reaches a library that does, in two calls."""
    if not NAMED.match(function.name):
        return False
    todo, seen = [(function.original, 0)], set()
    while todo:
        here, depth = todo.pop()
        if id(here.node) in seen:
            continue
        seen.add(id(here.node))
        for call in behaviour.calls_in(here):
            if SENDING.match(call.path):
                return True
            if depth < 2:
                todo += [(f.original, depth + 1) for f in functions_behind(call.site.callee)]
    return False


def _finding(behaviour: Behaviour, entry: Entry, call: Call) -> Finding:
    route = f"{entry.route.method} {entry.route.path}" if entry.route else entry.function.name
    return Finding(
        call.place, f"{route} answers only when {call.last}() is done: a slow mail or message server makes the client "
        "wait, and one that is down makes the request fail.", confidence="medium", fix=_fix(behaviour, entry, call))


def _fix(behaviour: Behaviour, entry: Entry, call: Call) -> Fix:
    title = f"Send it after the answer: background_tasks.add_task({call.last}, …)"
    function, written = entry.function, call.written
    if written is None or "\n" in written[1] or call.site.function is not function:
        return advice(title, "the call is not one expression in one line")
    if behaviour.callers.get(id(function.node)) or function.decorators and len(function.node[7]) > 1:
        return advice(title, "other code calls the handler too, and would have to hand it the tasks")
    if any(p[0] == "background_tasks" or "BackgroundTasks" in repr(p[1]) for p in function.params):
        name = next((p[0] for p in function.params if "BackgroundTasks" in repr(p[1])), "background_tasks")
        extra: tuple[EnsureImport | EnsureParameter, ...] = ()
    else:
        name = "background_tasks"
        place = function.module.place(function.node, function.qualname)
        extra = (EnsureImport(call.place.path, "fastapi", "BackgroundTasks"),
                 EnsureParameter(place, function.name, name, "BackgroundTasks", ""))
    callee, arguments = written
    old = f"await {callee}({arguments})" if call.awaited else f"{callee}({arguments})"
    new = f"{name}.add_task({callee}{', ' + arguments if arguments else ''})"
    start = call.site.module.place(_statement(function, call)[4])
    return Fix(title, (*extra, ReplaceExpression(start, old, new)), safety="review",
               reason="a message that cannot be sent no longer fails the request: the log alone tells of it")


def _statement(function: FunctionValue, call: Call) -> tuple:
    return next(s for s in statements(function.node[6]) if s[0] == "expr" and (
        s[4] is call.site.node or s[4][0] == "await" and s[4][3] is call.site.node))


MAIL = ("import aiosmtplib\nfrom email.message import EmailMessage\n\n\n"
        "async def send_welcome_email(to: str) -> None:\n    message = EmailMessage()\n    message[\"To\"] = to\n"
        "    await aiosmtplib.send(message, hostname=\"mail\")\n")
MAIN = ("from fastapi import FastAPI\n\nfrom mail import send_welcome_email\n\napp = FastAPI()\n\n\n"
        "@app.post(\"/users\")\nasync def create(name: str, mail: str) -> str:\n"
        "    await send_welcome_email(mail)\n    return name\n")
NoBackgroundTasks.examples = (
    Bad({"mail.py": MAIL, "main.py": MAIN}, at=("main.py:10",), severity="low",
        fixed={"main.py": MAIN.replace("import FastAPI", "import BackgroundTasks, FastAPI").replace(
            "create(name", "create(background_tasks: BackgroundTasks, name").replace(
            "await send_welcome_email(mail)", "background_tasks.add_task(send_welcome_email, mail)")}),
    Bad({"mail.py": MAIL, "main.py": MAIN.replace("from mail import send_welcome_email", "import mail as post").replace(
        "await send_welcome_email", "await post.send_welcome_email").replace("mail: str", "address: str").replace(
        "(mail)", "(address)")}, at=("main.py:10",)),
    Bad({"mail.py": MAIL, "main.py": MAIN + "\n\nfirst = create(\"a\", \"b\")\n"}, at=("main.py:10",)),
    Good({"mail.py": MAIL, "main.py": MAIN.replace("import FastAPI", "import BackgroundTasks, FastAPI").replace(
        "create(name", "create(tasks: BackgroundTasks, name").replace(
        "await send_welcome_email(mail)", "tasks.add_task(send_welcome_email, mail)")}),
    Good(  # the client needs to know
        {"mail.py": MAIL, "main.py": MAIN.replace("    await send_welcome_email(mail)\n", "    try:\n"
         "        await send_welcome_email(mail)\n    except OSError:\n        return \"no mail\"\n")},
        outcome="not_applicable"),
    Good({"mail.py": MAIL.replace("welcome", "reset"), "main.py": MAIN.replace("welcome", "reset")},
         outcome="not_applicable"),
)
