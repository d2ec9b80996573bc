"""OPS005: print in application code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.reach import first_reached
from readybook.facts.secretvalues import names_secret
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import EnsureImport, EnsureModuleStatement, RemoveUnusedImport, ReplaceExpression
from readybook.patterns import regex

ERROR = regex(r"\b(errors?|fail(s|ed|ure)?|exception|fatal|critical|crash(ed)?)\b|❌", re.IGNORECASE)
WARNING = regex(r"\b(warn|warning|deprecated|retry|retrying|missing|skipp(ed|ing))\b|⚠", re.IGNORECASE)
MAIN = regex(r"(?m)^(?:if __name__ == ['\"]__main__['\"]:|asyncio\.run\()")
SERVES = regex(r"APIRouter|FastAPI\(|\b(?:import|from) uvicorn|uvicorn\.")
# what ends a connection or a loop: no error, and no traceback worth keeping
EXPECTED = regex(r"^except \(?(?:\w+\.)*(?:WebSocketDisconnect|CancelledError|KeyboardInterrupt|StopIteration|"
                 r"StopAsyncIteration|GeneratorExit|ClientDisconnect)\b(?![\w,]*,)")
ERRORS = ("sys.stderr", "stderr")
STANDARD = ("None", "sys.stdout", "stdout", *ERRORS)
OUTPUT = regex(r"(?:,\s*(?:flush\s*=\s*(?:True|False)|file\s*=\s*(?:None|(?:sys\.)?std(?:out|err))))+\s*,?\s*$")
LOGGERS = ("logging.Logger.", "structlog.BoundLogger.", "loguru.logger.")
# the packages of programs for a terminal: imported, or something of theirs called (firebase is not fire)
COMMAND_LINE = regex(r"(?m)^[ \t]*(?:import|from)[ \t]+(?:argparse|click|typer|fire|rich)\b"
                     r"|(?<![\w.])(?:argparse|click|typer|fire|rich)\.\w+\(|\bsys\.argv\b")


class PrintLogging(Check):
    """print() in application code writes lines without level, time or logger, and nobody can turn them off.

    Looked at: calls of the builtin ``print`` in application modules. Scripts, tests, migrations and command-line
    programs are left alone (a program prints), and so are calls under ``if __name__ == "__main__"``, prints to a file
    and to a stream of one's own. Standard error is where a program talks to whoever started it: prints to it count only
    where a request runs them.

    Fix: a module logger, and each print becomes a logging call; the level follows the text, and inside an ``except``
    block an error is logged with its traceback.
    """

    id = "OPS005"
    name = "print-logging"
    category = "devops"
    severity = "medium"
    hours = Hours(0.25, 1, 3, each=0.02)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.python.org/3/howto/logging.html",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each print; a Right for each module that logs instead."""
        behaviour = project.facts.behaviour
        prints = [c for c in behaviour.calls_to("print") if _is_logging(c)]
        programs = {path for path in {c.place.path for c in prints} if _is_program(project, path)}
        prints = [c for c in prints if c.place.path not in programs]
        errors = [c for c in prints if _stream(c) in ERRORS]
        served = first_reached(behaviour, errors) if errors else {}
        prints = [c for c in prints if _stream(c) not in ERRORS or id(c) in served]
        for call in prints:
            function = call.function.rpartition(".")[2]
            where = f" in {function}()" if function else ""
            yield Finding(call.place, f"print(){where} bypasses logging: no level, no time, no request to find it by.",
                          fix=fix(project, call))
        loud = {c.place.path for c in prints}
        logging = {c.place.path for path, calls in behaviour.by_path.items() if path.startswith(LOGGERS) for c in calls}
        for path in sorted(logging - loud):
            yield Right(project.facts.modules.by_path[path].place(("name", 1, 0)), "logs through a logger")
        if not prints and not logging:
            yield NotApplicable("application code neither prints nor logs")


def _is_logging(call: Call) -> bool:
    return _stream(call) in STANDARD and not any("__name__" in c and "__main__" in c for c in call.conditions)


def _is_program(project: Project, path: str) -> bool:
    return is_command_line(project.facts.modules.by_path[path].text) or is_standalone(project, path)


def _stream(call: Call) -> str:
    """Where a print goes, as it is written; ``None`` where nothing is said."""
    stream = dict(call.site.node[5]).get("file")
    return "None" if stream is None else unparse(stream)


def is_standalone(project: Project, path: str) -> bool:
    """Whether a file is a program of its own: it prints when it is run, and nothing imports or serves it."""
    facts = project.facts
    module = facts.modules.by_path[path]
    if path in facts.program.everything.imported:
        return False
    text = module.text
    if ("__main__" in text or "asyncio.run(" in text) and MAIN.search(text) and not SERVES.search(text):
        return True
    prints = facts.behaviour.by_path.get("print", ())
    if "." in module.name or not any(c.site.module.path == path and not c.function for c in prints):
        return False
    return path not in {thing.place.path for thing in (*facts.apps, *facts.routes)}


def is_command_line(text: str) -> bool:
    """Whether a module is a program for a terminal: it reads arguments, and serves no requests."""
    serves = "APIRouter" in text or "FastAPI(" in text
    return not serves and COMMAND_LINE.search(text) is not None


def fix(project: Project, call: Call) -> Fix:
    """The print as a logging call with the level its text suggests."""
    node, written = call.site.node, call.written
    title = "Log through a module logger"
    if written is None or set(call.kwargs) - {"flush", "file"} or any(a[0] == "star" for a in node[4]):
        return advice(title, "the arguments of this print cannot be carried over safely")
    name = logger_name(project, call)
    if name is None:
        return advice(title, "the module binds logger to something else")
    text = f"{written[0]}({written[1]})"
    arguments = OUTPUT.sub("", written[1])
    level = level_of(text, any(c.startswith("except") and not EXPECTED.search(c) for c in call.conditions))
    plain = [unparse(a) for a in node[4] if a[0] in ("name", "attr")]
    secret = next((text for text in plain if names_secret(text.rpartition(".")[2])), "")
    if secret:
        return advice("Take the line out", f"it writes {secret}, which no log should hold")
    if not node[4]:
        return advice("Drop the empty print", "an empty line has no place in a log")
    if level == "info" and "stderr" in written[1][len(arguments):]:
        level = "warning"
    new = f"{name}.{level}({_message(node[4], arguments)})"
    unused = (RemoveUnusedImport(call.place.path, "sys"),) if "file" in call.kwargs else ()
    return Fix(
        title, (EnsureImport(call.place.path, "logging"),
                EnsureModuleStatement(call.place.path, name, f"{name} = logging.getLogger(__name__)"),
                ReplaceExpression(call.place, text, new), *unused),
        safety="review",
        reason="whoever reads standard output sees these lines only where logging is configured to show them",
    )


def _message(nodes: tuple[tuple[object, ...], ...], text: str) -> str:
    """The arguments of a logging call: one text as it is, everything else through ``%s``."""
    first: Any = nodes[0]
    literal = first[0] == "fstring" or (first[0] == "const" and isinstance(first[3], str) and "%" not in first[3])
    if len(nodes) == 1 and literal:
        return text
    if len(nodes) == 1 and first[0] == "bin" and first[3] == "Add":
        left, right = first[4], first[5]  # what is added to a text must be one too
        if left[0] == "const" and isinstance(left[3], str) and right[0] in ("name", "attr") and not re.search(
                r"[\\\"{}%\n\r\t]", left[3]):
            return f"\"{left[3]}%s\", {unparse(right)}"
    parts = written_parts(text)
    plain = [n[0] != "fstring" and not (n[0] == "const" and isinstance(n[3], str) and re.search(r"[\\\"{}%]", n[3]))
             for n in nodes]
    if len(parts) != len(nodes) or not all(plain):
        return f"\"{' '.join(['%s'] * len(nodes))}\", {text}"
    words = [str(n[3]) if n[0] == "const" and isinstance(n[3], str) else "%s" for n in nodes]
    values = [p for p, w in zip(parts, words, strict=True) if w == "%s"]
    return ", ".join([f"\"{' '.join(words)}\"", *values])


def written_parts(text: str) -> list[str]:
    """The arguments as they are written, between the commas that separate them."""
    parts, start, depth = [], 0, 0
    for token in re.finditer(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[(\[{]|[)\]}]|,", text):
        if token[0] in "([{":
            depth += 1
        elif token[0] in ")]}":
            depth -= 1
        elif token[0] == "," and not depth:
            parts.append(text[start:token.start()].strip())
            start = token.end()
    return [p for p in (*parts, text[start:].strip()) if p]


def level_of(text: str, in_except: bool) -> str:
    """The level a printed text suggests."""
    if in_except:
        return "exception"
    if ERROR.search(text):
        return "error"
    return "warning" if WARNING.search(text) else "info"


def logger_name(project: Project, call: Call) -> str | None:
    """The name of the module's logger, or ``logger`` where there is none; None when that is taken."""
    from readybook.facts.objects import Instance

    loaded = project.facts.program.everything.loaded.get(call.place.path)
    names = loaded.scope.names if loaded is not None else {}
    for name, value in names.items():
        if isinstance(value, Instance) and value.path == "logging.Logger":
            return name
    return None if "logger" in names else "logger"


APP = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
PrintLogging.examples = (
    Bad(
        {"main.py": APP + "@app.get(\"/\")\ndef index() -> str:\n    print(\"index was called\")\n    return \"ok\"\n"},
        at=("main.py:8",),
        fixed={"main.py": "import logging\n\nfrom fastapi import FastAPI\n\nlogger = logging.getLogger(__name__)\n\n"
               "app = FastAPI()\n\n\n@app.get(\"/\")\ndef index() -> str:\n    logger.info(\"index was called\")\n"
               "    return \"ok\"\n"},
    ),
    Bad(  # the module has a logger; an except block keeps its traceback
        {"app/pay.py": "import logging\n\nlog = logging.getLogger(__name__)\n\n\ndef pay(amount: int) -> None:\n"
         "    try:\n"
         "        charge(amount)\n    except OSError as e:\n        print(f\"could not pay: {e}\")\n        raise\n\n\n"
         "def charge(amount: int) -> None:\n    log.info(\"charging %s\", amount)\n"},
        at=("app/pay.py:10",),
        fixed={"app/pay.py": "import logging\n\nlog = logging.getLogger(__name__)\n\n\n"
            "def pay(amount: int) -> None:\n    try:\n"
               "        charge(amount)\n    except OSError as e:\n        log.exception(f\"could not pay: {e}\")\n"
               "        raise\n\n\ndef charge(amount: int) -> None:\n    log.info(\"charging %s\", amount)\n"},
    ),
    Bad(  # what is added to a text is one too
        {"main.py": APP + "@app.get(\"/\")\ndef index(url: str) -> str:\n    print(\"POST to \" + url)\n"
         "    return \"ok\"\n"},
        at=("main.py:8",),
        fixed={"main.py": "import logging\n\nfrom fastapi import FastAPI\n\nlogger = logging.getLogger(__name__)\n\n"
               "app = FastAPI()\n\n\n@app.get(\"/\")\ndef index(url: str) -> str:\n"
               "    logger.info(\"POST to %s\", url)\n    return \"ok\"\n"},
    ),
    Bad(
        {"app/users.py": "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n@router.get(\"/users\")\n"
         "def users(limit: int) -> int:\n    print(\"limit\", limit)\n    return limit\n"},
        at=("app/users.py:8",),
    ),
    Good(  # a program that tells how to start the service, and an example that runs itself
        {"run_batch.py": "import asyncio\n\n\nasync def run() -> None:\n    print(\"now: uvicorn main:app\")\n\n\n"
         "if __name__ == \"__main__\":\n    asyncio.run(run())\n",
         "shop/parts/example.py": "import asyncio\n\n\nasync def run() -> None:\n    print(\"parts\")\n\n\n"
         "asyncio.run(run())\n", "main.py": APP + "@app.get(\"/\")\ndef index() -> str:\n    return \"ok\"\n"},
        outcome="not_applicable",
    ),
    Bad(  # standard error is no logger either
        {"main.py": "import sys\n\n" + APP + "@app.get(\"/\")\ndef index() -> str:\n"
         "    print(\"index\", file=sys.stderr, flush=True)\n    return \"ok\"\n"},
        at=("main.py:10",),
        fixed={"main.py": "import logging\n\nfrom fastapi import FastAPI\n\nlogger = logging.getLogger(__name__)\n\n"
               "app = FastAPI()\n\n\n@app.get(\"/\")\ndef index() -> str:\n    logger.warning(\"index\")\n"
               "    return \"ok\"\n"},
    ),
    Bad(  # the module makes its logger below the line that needs it now
        {"app/keys.py": "import logging\nimport os\n\nKEY = os.getenv(\"KEY\", \"\")\nprint(\"read\", len(KEY))\n\n"
         "logger = logging.getLogger(__name__)\n\n\ndef used() -> str:\n    logger.info(\"used\")\n    return KEY\n",
         "main.py": "from app.keys import used\n" + APP + "@app.get(\"/\")\ndef index() -> str:\n    return used()\n"},
        at=("app/keys.py:5",),
        fixed={"app/keys.py": "import logging\nimport os\n\nlogger = logging.getLogger(__name__)\n\n"
               "KEY = os.getenv(\"KEY\", \"\")\nlogger.info(\"read %s\", len(KEY))\n\n\n"
               "def used() -> str:\n    logger.info(\"used\")\n    return KEY\n"},
    ),
    Good(  # the last words of a program that ends, and a file
        {"main.py": "import sys\n\n" + APP + "def settle(path: str) -> None:\n    with open(path, \"w\") as out:\n"
         "        print(\"x\", file=out)\n\n\ndef check(key: str) -> None:\n    if not key:\n"
         "        print(\"no key\", file=sys.stderr)\n        sys.exit(1)\n"}, outcome="not_applicable",
    ),
    Bad(  # a package whose name begins like that of one for command lines
        {"main.py": APP + "@app.get(\"/\")\ndef index() -> None:\n    push.tell()\n",
         "push.py": "from firebase_admin import messaging\n\n\ndef tell() -> None:\n    print(messaging)\n"},
        at=("push.py:5",)),
    Good(  # a command-line program prints
        {"app/cli.py": "import argparse\n\n\ndef main() -> None:\n    parser = argparse.ArgumentParser()\n"
         "    print(parser.parse_args())\n\n\nif __name__ == \"__main__\":\n    main()\n"}, outcome="not_applicable",
    ),
    Good(  # tests and scripts print
        {"main.py": "import logging\n\n" + APP + "logging.getLogger(__name__).info(\"up\")\n",
         "scripts/seed.py": "print(\"seeding\")\n", "tests/test_main.py": "def test_it():\n    print(\"here\")\n"},
    ),
    Good(  # a program beside the service, that nothing imports
        {"app/__init__.py": "", "app/main.py": "import logging\n"
         "\n" + APP + "logging.getLogger(__name__).info(\"up\")\n",
         "inspect_pages.py": "for page in (1, 2):\n    print(page)\n"},
    ),
    Good(  # another print: a method, and a project function of that name
        {"main.py": "from app.printer import print\n\n" + APP + "@app.get(\"/\")\ndef index() -> str:\n"
         "    print(\"page\")\n"
         "    return \"ok\"\n",
         "app/printer.py": "import logging\n\nlogger = logging.getLogger(__name__)\n\n\ndef print(text: str) -> None:\n"
         "    logger.info(text)\n"},
    ),
    Good(  # only when run by hand
        {"main.py": "import logging\n\n" + APP + "logging.getLogger(\"up\").info(\"up\")\n\n"
         "if __name__ == \"__main__\":\n"
         "    print(\"started by hand\")\n"},
    ),
    Good(  # a program of the package that nothing imports
        {"app/__init__.py": "", "app/main.py": "import logging\n\n" + APP + "logging.getLogger(\"up\").info(\"up\")\n",
         "app/tools/__init__.py": "", "app/tools/state.py": "def main() -> None:\n    print(\"state\")\n\n\n"
         "if __name__ == \"__main__\":\n    main()\n"}),
    Bad(  # words and values become one text; the end of a connection is no error
        {"main.py": "import logging\n\nfrom fastapi import FastAPI, WebSocket, WebSocketDisconnect\n\n"
         "logger = logging.getLogger(__name__)\napp = FastAPI()\n\n\n@app.websocket(\"/ws\")\n"
         "async def talk(ws: WebSocket) -> None:\n    try:\n        text = await ws.receive_text()\n"
         "        print(\"got:\", text, flush=True)\n    except WebSocketDisconnect:\n        print(\"gone\")\n"},
        at=("main.py:13", "main.py:15"),
        fixed={"main.py": "import logging\n\nfrom fastapi import FastAPI, WebSocket, WebSocketDisconnect\n\n"
               "logger = logging.getLogger(__name__)\napp = FastAPI()\n\n\n@app.websocket(\"/ws\")\n"
               "async def talk(ws: WebSocket) -> None:\n    try:\n        text = await ws.receive_text()\n"
               "        logger.info(\"got: %s\", text)\n    except WebSocketDisconnect:\n"
               "        logger.info(\"gone\")\n"}),
)
