"""SEC030: answers that hold the text of an internal error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour, Call
from readybook.facts.caught import Caught, caught_in, told_of
from readybook.facts.modules import Module
from readybook.facts.nodes import names_in, nodes, statements
from readybook.facts.objects import FunctionValue
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import (
    EnsureBefore,
    EnsureImport,
    EnsureModuleStatement,
    Intent,
    ReplaceExpression,
    SetKeyword,
)
from readybook.patterns import regex
from readybook.place import Place

RAISED = regex(r"(?:fastapi|starlette)(?:\.exceptions)?\.HTTPException")
ANSWERED = regex(r"(?:fastapi|starlette)\.responses\.\w*Response|fastapi\.\w*Response")
INTERNAL = frozenset({
    "AttributeError", "BaseException", "BotoCoreError", "CalledProcessError", "ClientError", "ConnectionError",
    "DBAPIError", "DataError", "DatabaseError", "DuplicateKeyError", "EnvironmentError", "Exception",
    "HTTPStatusError", "IOError", "ImportError", "IntegrityError", "InterfaceError", "MemoryError",
    "MySQLError", "NoResultFound", "OSError", "OperationalError", "PostgresError", "ProgrammingError",
    "PsycopgError", "PyMongoError", "RedisError", "RequestError", "RequestException", "SQLAlchemyError",
    "StatementError", "SubprocessError",
})
DELIBERATE = regex(r"(?i)debug|is_?dev|development|local|testing")
PLAIN = frozenset({"return", "pass", "expr", "const", "dict", "list", "tuple", "set"})
LOGS = regex(r"debug|info|warn(?:ing)?|error|critical|fatal|_?log(?:_\w+)?|\w+_log")
TITLE = "Answer in general words and log the error"


class ErrorDetailLeak(Check):
    """Clients are sent the text of an internal error: SQL, paths, hosts, and what else it happens to name.

    Looked at: ``HTTPException`` and responses made where an error is caught, answers that handlers return, and handlers
    of the application for every error. The text of an error of everything (``except Exception``), of the database, of
    the system or of another service is a finding, and so is a traceback. The words of the project's own exceptions and
    of a ``ValueError`` are chosen by somebody; what only a debug switch shows is right as well.

    Fix: general words for the client, and the error with its traceback for the log.
    """

    id = "SEC030"
    name = "error-detail-leak"
    category = "security"
    severity = "medium"
    hours = Hours(0.5, 1, 2, each=0.1)
    fix_kinds = ("codemod", "advice")
    references = ("https://cwe.mitre.org/data/definitions/209.html",
                  "https://owasp.org/www-community/Improper_Error_Handling")

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each answer with an internal error's text, a Right for each with words of its own."""
        behaviour, found = project.facts.behaviour, False
        for answer in (*_called(behaviour), *_returned(behaviour)):
            found = True
            yield answer
        if not found:
            yield NotApplicable("no answer is made from an error that is caught")


def _called(behaviour: Behaviour) -> Iterator[Answer]:
    memory: dict[int, list[Caught]] = {}
    for call in behaviour.matching(lambda path: RAISED.fullmatch(path) or ANSWERED.fullmatch(path)):
        raised = RAISED.fullmatch(call.path) is not None
        if call.site.function is None:
            continue
        named = dict(call.site.node[5])
        index = 1 if raised else 0
        node = named.get("detail" if raised else "content")
        if node is None and len(call.site.node[4]) > index:
            node = call.site.node[4][index]
        if node is not None:
            yield from _answers(behaviour, memory, call.site.function, node, call.place, call)


def _returned(behaviour: Behaviour) -> Iterator[Answer]:
    """Plain values that handlers of routes return."""
    memory: dict[int, list[Caught]] = {}
    for entry in behaviour.entries:
        if entry.kind == "handler":
            for s in statements(entry.function.node[6]):
                if s[0] == "return" and s[4] is not None and s[4][0] in ("dict", "fstring", "tuple"):
                    place = entry.function.module.place(s, entry.function.qualname)
                    yield from _answers(behaviour, memory, entry.function, s[4], place, None)


def _answers(behaviour: Behaviour, memory: dict[int, list[Caught]], function: FunctionValue, node: Node, place: Place,
             call: Call | None) -> Iterator[Answer]:
    function = function.original
    if id(function.node) not in memory:
        memory[id(function.node)] = caught_in(function, behaviour)
    here = [c for c in memory[id(function.node)] if c.first <= place.line <= c.last]
    if not here:
        return
    told = list(told_of(node, function, frozenset(c.name for c in here if c.name)))
    if not told:
        yield Right(place, "the answer to the error is in words of its own")
        return
    part, name = told[0]
    if _never(function, place):
        yield Right(place, "nothing in the try can fail")
        return
    named = [c for c in here if name in (c.name, "traceback")]
    error = min(named, key=lambda c: c.last - c.first, default=here[0])
    if name != "traceback" and error.kinds and not INTERNAL & set(error.kinds):
        yield Right(place, f"{error.kinds[0]} has words that somebody chose")
    elif call is not None and any(DELIBERATE.search(c) and not c.startswith("not ") for c in call.conditions):
        yield Right(place, "shown only when a debug switch is on")
    else:
        what = "the traceback" if name == "traceback" else f"the text of {' or '.join(error.kinds) or 'any error'}"
        yield Finding(place, f"{unparse(part)} sends {what} to the client: it can hold SQL, paths, hosts and values.",
                      fix=_fix(function, part, node, place, error, call))


def _never(function: FunctionValue, place: Place) -> bool:
    """Whether the answer stands in a handler of a ``try`` that only gives constants back: nothing raises there."""
    return any(s[0] == "try" and any(h[2][0][1] <= place.line <= h[2][-1][3] for h in s[5])
               and all(b[0] in ("return", "pass", "expr") for b in s[4])
               and all(n[0] in PLAIN for n in nodes(s[4])) for s in statements(function.node[6]))


def _fix(function: FunctionValue, part: Node, node: Node, place: Place, error: Caught, call: Call | None) -> Fix:
    module = function.module
    words = _words(call)
    if call is not None and RAISED.fullmatch(call.path) and any(k == "detail" for k, _ in call.site.node[5]):
        change: Intent = SetKeyword(place, call.last, "detail", f'"{words}"')
    elif _inside(node, part) and part[0] in ("call", "name") and "'" not in unparse(part):
        change = ReplaceExpression(module.place(part), unparse(part), f'"{words}"')
    else:
        return advice(TITLE, "the text takes shape outside of the call")
    intents = [change, *_logged(function, module, place, error)]
    return Fix(TITLE, tuple(intents), safety="review", reason="clients and tests that read the error's text get "
               "general words")


def _inside(node: Node, part: Node) -> bool:
    """Whether a part stands in the expression itself, outside of an f-string."""
    if node is part:
        return True
    return node[0] != "fstring" and any(
        _inside(p, part) for p in node if isinstance(p, tuple) and p)


def _words(call: Call | None) -> str:
    status = call.kwargs.get("status_code", call.args[0] if call.args else None) if call is not None else None
    if isinstance(status, int) and status in {s.value for s in HTTPStatus} and status != 500:
        return HTTPStatus(status).phrase
    return "Internal server error"


def _logged(function: FunctionValue, module: Module, place: Place, error: Caught) -> list[Intent]:
    """What puts the error into the log before the answer; nothing where the block does so already."""
    text = "\n".join(module.text.split("\n")[error.first - 1 : error.last])
    if re.search(r"\.exception\(|exc_info", text) or _told_to_log(function, place, error):
        return []
    name = _logger(module)
    intents: list[Intent] = []
    if not name:
        name = "logger"
        intents = [EnsureImport(module.path, "logging"),
                   EnsureModuleStatement(module.path, "logger", "logger = logging.getLogger(__name__)")]
    title = function.name.replace("_", " ")
    statement = (f'{name}.error("{title} failed", exc_info={error.name})' if error.handed
                 else f'{name}.exception("{title} failed")')
    return [*intents, EnsureBefore(place, statement)]


def _told_to_log(function: FunctionValue, place: Place, error: Caught) -> bool:
    """Whether a line above the answer hands the error to a logger, or to a function that is named for logging."""
    for s in statements(function.node[6]):
        if s[0] == "expr" and s[4][0] == "call" and error.first <= s[1] < place.line and error.name in names_in(s[4]):
            callee = s[4][3]
            if LOGS.fullmatch(callee[4] if callee[0] == "attr" else callee[3] if callee[0] == "name" else ""):
                return True
    return False


def _logger(module: Module) -> str:
    """The name of a logger that the module has at its top, empty when it has none."""
    for s in module.body:
        if s[0] == "assign" and s[4][0][0] == "name" and re.search(r"get_?logger\(", unparse(s[5]), re.I):
            return str(s[4][0][3])
        if s[0] == "from" and s[4].split(".")[0] in ("loguru",) and ("logger", None) in s[6]:
            return "logger"
    return ""


API = "from fastapi import FastAPI, HTTPException\n\napp = FastAPI()\n"
ErrorDetailLeak.examples = (
    Bad(
        {"main.py": "import logging\n\n" + API + "logger = logging.getLogger(__name__)\n\n\n@app.get(\"/\")\n"
         "def add_order() -> int:\n    try:\n        return save()\n    except Exception as e:\n"
         "        raise HTTPException(status_code=500, detail=f\"failed: {e}\") from e\n"},
        at=("main.py:14",), severity="medium",
        fixed={"main.py": "import logging\n\n" + API + "logger = logging.getLogger(__name__)\n\n\n@app.get(\"/\")\n"
               "def add_order() -> int:\n    try:\n        return save()\n    except Exception as e:\n"
               "        logger.exception(\"add order failed\")\n"
               "        raise HTTPException(status_code=500, detail=\"Internal server error\") from e\n"},
    ),
    Bad(  # the line above has the error already
        {"main.py": "import logging\n\n" + API + "logger = logging.getLogger(__name__)\n\n\n@app.get(\"/\")\n"
         "def ready():\n    try:\n        return ask()\n    except Exception as e:\n"
         "        logger.error(f\"not ready: {e}\")\n        return {\"error\": str(e)}\n"},
        at=("main.py:15",),
        fixed={"main.py": "import logging\n\n" + API + "logger = logging.getLogger(__name__)\n\n\n@app.get(\"/\")\n"
               "def ready():\n    try:\n        return ask()\n    except Exception as e:\n"
               "        logger.error(f\"not ready: {e}\")\n        return {\"error\": \"Internal server error\"}\n"},
    ),
    Bad(  # a response, an answer that is returned, a message made before, no logger yet
        {"main.py": "from fastapi.responses import JSONResponse\nfrom sqlalchemy.exc import SQLAlchemyError\n" + API
         + "\n\n@app.get(\"/a\")\ndef a():\n    try:\n        return save()\n"
         "    except (ValueError, SQLAlchemyError) as err:\n"
         "        return JSONResponse({\"error\": str(err)}, status_code=400)\n"
         "\n\n@app.get(\"/b\")\n"
         "def b():\n    try:\n        return save()\n    except Exception as err:\n"
         "        text = \"failed: \" + str(err)\n"
         "        return {\"error\": text}\n"},
        at=("main.py:13", "main.py:22"),
    ),
    Bad(  # the application's handler of every error, and a traceback
        {"main.py": "import traceback\n\nfrom fastapi.responses import JSONResponse\n" + API
         + "\n\n@app.exception_handler(Exception)\nasync def failed(request, exc):\n"
         "    return JSONResponse(status_code=500, content={\"detail\": str(exc)})\n\n\n@app.get(\"/\")\ndef index():\n"
         "    try:\n        return save()\n    except KeyError:\n"
         "        raise HTTPException(500, traceback.format_exc())\n"},
        at=("main.py:11", "main.py:19"),
    ),
    Good(  # words of its own, an error of the project's own, a ValueError, a type, a debug switch
        {"main.py": API + "\n\nclass OutOfStock(Exception):\n    pass\n\n\n@app.get(\"/\")\ndef index(debug: bool):\n"
         "    try:\n        return save()\n    except OutOfStock as e:\n"
         "        raise HTTPException(409, detail=str(e))\n"
         "    except ValueError as e:\n        raise HTTPException(422, str(e))\n    except Exception as e:\n"
         "        if debug:\n            raise HTTPException(500, str(e))\n"
         "        raise HTTPException(500, f\"failed: {type(e).__name__}\")\n"},
    ),
    Good(  # for the log only
        {"main.py": "import logging\n\n" + API + "\n\n@app.get(\"/\")\ndef index():\n    try:\n        return save()\n"
         "    except Exception as e:\n        logging.error(\"failed: %s\", e)\n"
         "        raise HTTPException(500, \"failed\")\n"},
    ),
    Good({"main.py": API + "\n\n@app.get(\"/\")\ndef index(name: str):\n"
          "    raise HTTPException(404, f\"no {name}\")\n"}, outcome="not_applicable"),
    Good(  # the text of an assertion only
        {"main.py": API + "\n\n@app.get(\"/\")\ndef index(name: str):\n    try:\n        return open(name).read()\n"
         "    except Exception as e:\n        detail = str(e) if isinstance(e, AssertionError) else \"failed\"\n"
         "        raise HTTPException(500, detail)\n"}),
    Good(  # a class of the project's own that has the name of the builtin one
        {"errors.py": "class BaseException(Exception):\n    status_code = 500\n"
         "    message = \"Something went wrong\"\n",
         "main.py": API.replace("\n", "\n\nfrom errors import BaseException\n", 1)
         + "\n\n@app.get(\"/\")\ndef index():\n    try:\n        return save()\n"
         "    except BaseException as e:\n        raise HTTPException(e.status_code, e.message)\n"}),
    Good(  # constants cannot fail
        {"main.py": API + "\n\n@app.get(\"/\")\ndef levels() -> dict:\n    try:\n"
         "        return {\"message\": \"to come\"}\n    except Exception as e:\n"
         "        raise HTTPException(500, detail=str(e))\n"}),
)
