"""SEC017: secrets that are written to the log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour, Call, in_order
from readybook.facts.engines import Engine
from readybook.facts.formatting import pieces
from readybook.facts.nodes import statements
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.origins import Origins
from readybook.facts.scopes import scope_of
from readybook.facts.secretvalues import names_secret
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import ReplaceExpression, SetKeyword
from readybook.patterns import regex
from readybook_checks.security.sec017_secrets_in_logs.hiding import LESS, TEXT, Log

LOGS = regex(r"(?:logging(?:\.Logger|\.LoggerAdapter)?|loguru(?:\._logger)?(?:\.logger|\.Logger)?|"
             r"structlog(?:\.\w+)*(?:\(\))?)\.(?:debug|info|warning|warn|error|exception|critical|fatal|log|trace|success|msg)")
LEVELS = frozenset(("debug", "info", "warning", "warn", "error", "exception", "critical"))
WRITTEN = regex(r"(?:^|\.)_?(?:logger|log|logging|LOG|LOGGER)\.\w+$")
MASKING = regex(r"(?i)mask|redact|hash|censor|obfusc|scrub|sanit|fingerprint|len|bool|type|isinstance|count|hide|"
                r"sha\d+|md5|startswith|endswith|exists|any|all|set$")
PLAIN_TOKEN = regex(r"(?i)^(?:next_|prev_|page_|special_|stop_|pad_|eos_|bos_|sync_|cancel_|continuation_|new_)?"
                    r"tokens?$")
DSN = regex(r"(?i)(?:^|_)(?:dsn|(?:database|db|redis|mongo(?:db)?|postgres|amqp|broker|rabbitmq|sqlalchemy)"
            r"_?(?:database_)?(?:url|uri))$")
ALL = regex(r"(?i)^(?:settings|config|cfg|conf)(?:\.(?:model_dump|dict|json|model_dump_json)\(\))?$|^os\.environ$")
QUESTION = regex(r"(?i)(?:is|has|had|must|should|can|needs?|requires?|change|changed|forgot|allow|show|use|uses|"
                 r"with|without|no|missing|invalid|wrong)_")
OWNERS = ("settings", "config", "user", "self", "credentials", "body", "data", "request", "payload")
MESSAGE = "who reads the log, or where it is sent, has it then"


class SecretsInLogs(Check):
    """A password, a token or a key is written to the log in clear.

    Looked at: the arguments of log calls and ``print``, and the parts of their texts: names of secrets, addresses with
    credentials (``DATABASE_URL``), whole settings, headers and bodies of requests, and models that hold a password.
    ``echo=True`` of an engine writes every value of every statement. Lengths, kinds, counts of tokens, ``SecretStr``,
    slices and what passes a function that masks are no leak, nor is what a script prints that nothing imports: whoever
    runs it asked to see it.

    Fix: the value is replaced by ``***``. Where what is logged is made in the call, a body or a model as a whole, a
    filter of the log hides the values of named secrets in it, and keeps the rest. A filter of the project's own that is
    named for that counts for what is logged as a whole; a value that stands alone has no name to know it by.
    """

    id = "SEC017"
    name = "secrets-in-logs"
    category = "security"
    severity = "medium"
    hours = Hours(0.5, 2, 4, each=0.25)
    fix_kinds = ("codemod", "scaffold", "advice")
    references = ("https://cwe.mitre.org/data/definitions/532.html",
                  "https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html#data-to-exclude")

    def find(self, project: Project) -> Iterator[Answer]:
        """One finding for each log call with a secret, a Right when there are log calls and none has one."""
        logged, found = None, False
        log = Log(project)
        scripts = _scripts(project)
        for call in _log_calls(project.facts.behaviour):
            if call.path == "print" and call.place.path in scripts:
                continue
            logged = logged or call
            answer = _answer(log, call)
            if answer is not None:
                found = True
                yield answer
        for engine in project.facts.engines:
            if engine.kwargs.get("echo", False) is True:
                found = True
                yield _echo(engine)
        if logged is None and not found:
            yield NotApplicable("the application's code writes no log")
        elif logged is not None and not found:
            hidden = log.filter if log.used else None
            yield Right(hidden or logged.place, "what names a secret is hidden by a filter" if hidden else
                        "no log call names a secret")


def _scripts(project: Project) -> frozenset[str]:
    """Files that nothing imports and no application is made in: what they print, whoever runs them asked to see."""
    facts = project.facts
    served = {app.place.path for app in facts.apps}
    if not served:
        return frozenset()
    return frozenset({*facts.modules.by_path} - served - {*facts.program.everything.imported})


class Leak(NamedTuple):
    """What a part of a log call shows; ``whole``: something that holds more than secrets, under their names."""

    what: str
    whole: bool = False


def _echo(engine: Engine) -> Finding:
    fix = Fix("Do not write statements to the log", (SetKeyword(engine.place, engine.callee, "echo", "False"),),
              safety="review", reason="whoever reads them there misses them")
    return Finding(engine.place, "echo=True writes every statement with its values to the log: passwords and personal "
                   "data with them.", "low", fix=fix)


def _log_calls(behaviour: Behaviour) -> list[Call]:
    """Calls that write to a log, by what they call or by how they are written."""
    written = [c for name in LEVELS for c in behaviour.by_last.get(name, ())
               if not _logs(c.path) and not c.path.startswith(("os.", "math."))
               and WRITTEN.search(unparse(c.site.node[3]))]
    return in_order([*behaviour.matching(_logs), *written])


def _logs(path: str) -> bool:
    return path == "print" or LOGS.fullmatch(path) is not None


def _answer(log: Log, call: Call) -> Answer | None:
    values = [*call.site.node[4], *(v for k, v in call.site.node[5] if k not in ("file", "end", "sep", "exc_info"))]
    for node in values:
        for part in _shown(node, call, 0):
            leak = _what(part, call, log.origins)
            if leak is None:
                continue
            if leak.whole and call.path.startswith("logging.") and log.filter is not None:
                log.used = True
                continue
            return Finding(call.place, f"{unparse(part)} puts {leak.what} into the log: {MESSAGE}.",
                           confidence="high" if "body" not in leak.what else "medium", fix=_fix(log, call, part, leak))
    return None


def _shown(node: Any, call: Call, depth: int) -> Iterator[Node]:
    """The parts of an expression whose value comes to be read in the text."""
    kind = node[0]
    if kind in ("name", "attr"):
        yield node
    elif kind == "fstring":
        for part in node[3]:
            if part[0] == "format":
                yield from _shown(part[3], call, depth)
    elif kind == "bin":
        yield from _shown(node[4], call, depth)
        yield from _shown(node[5], call, depth)
    elif kind in ("tuple", "list"):
        for part in node[3]:
            yield from _shown(part, call, depth)
    elif kind == "dict":
        for key, value in node[3]:
            secret = key is not None and key[0] == "const" and isinstance(key[3], str) and names_secret(key[3])
            yield from [value] if secret and value[0] in ("name", "attr", "call", "sub") else _shown(value, call, depth)
    elif kind in ("await", "star"):
        yield from _shown(node[3], call, depth)
    elif kind == "sub" and node[4][0] == "const":
        yield node
    elif kind == "if":
        yield from _shown(node[4], call, depth)
        yield from _shown(node[5], call, depth)
    elif kind == "call":
        callee = node[3]
        name = callee[4] if callee[0] == "attr" else callee[3] if callee[0] == "name" else ""
        if name in ("format", "join", "str", "repr", "dumps", "pformat") and depth < 5:
            for part in (*node[4], *(v for _, v in node[5])):
                yield from _shown(part, call, depth + 1)
        elif name in ("get", "getenv", "get_secret_value", "model_dump", "dict", "json", "body", "model_dump_json",
                      "strip", "decode", "items"):
            yield node


def _what(node: Node, call: Call, origins: Origins) -> Leak | None:
    """What a part shows that it should not; None when it shows nothing of the kind."""
    text = unparse(node)
    last = node[3] if node[0] == "name" else node[4] if node[0] == "attr" else ""
    if node[0] == "sub" and isinstance(node[4][3], str):
        last = node[4][3]
    if node[0] == "call":
        last = next((a[3] for a in node[4] if a[0] == "const" and isinstance(a[3], str)), "")
        callee = node[3]
        if callee[0] == "attr" and callee[4] in ("get_secret_value", "strip", "decode"):
            inner = callee[3]
            last = inner[4] if inner[0] == "attr" else inner[3] if inner[0] == "name" else ""
            if callee[4] == "get_secret_value":
                return Leak("a secret")
    if ALL.fullmatch(text):
        return Leak("the whole settings", True)
    if text in ("request.headers", "request.headers.items()", "dict(request.headers)"):
        return Leak("all headers of a request, Authorization and Cookie among them,", True)
    if re.fullmatch(r"request\.(?:body|json)\(\)", text):
        return Leak("the whole body of a request", True)
    name = str(last).replace("-", "_")
    if DSN.search(name):
        return None if _without_password(node, call) else Leak("an address with its credentials")
    if name.lower() == "authorization":
        return Leak("the Authorization header")
    if not names_secret(name) or QUESTION.match(name) or _safe(node, call) or (
        PLAIN_TOKEN.match(name) and not _issued(node, call, origins)
    ):
        return _model(node, call)
    return Leak("a secret")


def _without_password(node: Node, call: Call) -> bool:
    """Whether an address is put together in the function, and nothing stands before its host: ``redis://{HOST}``."""
    values = scope_of(call).bindings.bound(node[3], node) if node[0] == "name" else []
    texts = [pieces(v, scope_of(call)) for v in values]
    shown = ["".join(p if isinstance(p, str) else "x" for p in t) for t in texts]
    return bool(shown) and all(re.match(r"\w+://x[:/][^@]*$", text) for text in shown)


def _issued(node: Node, call: Call, origins: Origins) -> bool:
    """Whether a plain ``token`` is one that lets somebody in: of a request's header, a setting, a function for it."""
    if node[0] == "attr":
        return unparse(node[3]).rpartition(".")[2].lower() in OWNERS
    scope = scope_of(call)
    if any(s[0] == "for" and unparse(s[4]) == unparse(node) for s in statements(scope.body)):
        return False  # a piece of a text
    if node[0] == "name":
        parameter = call.site.function is not None and any(p[0] == node[3] for p in call.site.function.params)
        makes = [unparse(v) for v in scope.bindings.bound(node[3], node)]
        if any(re.search(r"(?i)jwt|encode|create_\w*token|token_urlsafe|headers|cookies|oauth|get_\w*token", m)
               for m in makes):
            return True
        if parameter and re.search(r"(?i)auth|user|login|verify|jwt|password|reset", call.function):
            return True
    return any(o.kind in ("request", "environment") for o in origins.of(call, node))


def _safe(node: Node, call: Call) -> bool:
    """Whether the value hides itself (``SecretStr``) or has been masked before it got its name."""
    function = call.site.function
    if function is not None and node[0] == "attr" and node[3][0] == "name":
        cls = _class(node[3][3], function)
        if cls is not None and "Secret" in unparse(cls.annotations.get(node[4])):
            return True
    if node[0] != "name":
        return False
    values = scope_of(call).bindings.bound(node[3], node)
    return bool(values) and all(
        v[0] == "call" and MASKING.search(unparse(v[3]).rpartition(".")[2]) is not None or v[0] in ("cmp", "unary")
        or v[0] == "const" for v in values)


def _class(name: str, function: FunctionValue) -> ClassValue | None:
    annotation = next((p[1] for p in function.params if p[0] == name), None)
    if annotation is None or annotation[0] != "name":
        return None
    try:
        value = function.scope.find(annotation[3])
    except KeyError:
        return None
    return value if isinstance(value, ClassValue) else None


def _model(node: Node, call: Call) -> Leak | None:
    """A whole model with a plain password among its fields."""
    function = call.site.function
    base = node[3][3] if node[0] == "call" and node[3][0] == "attr" else node
    if function is None or base[0] != "name":
        return None
    cls = _class(base[3], function)
    if cls is None or not cls.is_a("pydantic.BaseModel", "pydantic.main.BaseModel"):
        return None
    field = next((n for n, a in cls.annotations.items() if n in ("password", "passwd", "new_password", "secret")
                  and "Secret" not in unparse(a)), "")
    return Leak(f"{cls.name} with its {field}", True) if field else None


def _fix(log: Log, call: Call, part: Node, leak: Leak) -> Fix:
    text = unparse(part)
    module = call.site.module
    line = module.text.split("\n")[part[1] - 1]
    written = part[0] in ("name", "attr") and text in line
    if leak.whole and (not written or not _words(call, part)):
        if call.path.startswith("logging."):
            return log.fix
        other = log.place_of_another(call)
        if other:
            return advice(LESS, other)
    if not written:
        return advice(LESS, "what the log needs instead is not in the code")
    if not _words(call, part):
        return advice("Take the line out: it writes nothing else", "whether anybody still needs a line there is not in "
                      "the code")
    return Fix("Write *** in its place", (ReplaceExpression(module.place(part), text, '"***"'),), safety="review",
               reason="whoever searches the log for the value no longer finds it")


def _words(call: Call, part: Node) -> bool:
    """Whether a log call still says something without this part."""
    arguments = call.site.node[4]
    words = [str(a[3]) for a in arguments if a[0] == "const"]
    alone = len(arguments) == len(words) + 1 and part in arguments
    return not alone or re.search(r"[A-Za-z]{2}", "".join(words).replace("%s", "")) is not None


HEAD = "import logging\n\nfrom fastapi import FastAPI, Request\nfrom pydantic import BaseModel\n\napp = FastAPI()\n" \
       "logger = logging.getLogger(__name__)\n"
LOGGED = "\n\n@app.post(\"/items\")\nasync def add(request: Request) -> None:\n" \
         "    logger.info(\"got %s\", await request.json())\n    logger.debug(\"%s\", request.headers)\n"
SETUP = "import logging.config\n{0}\nLOGGING = {{\n    \"version\": 1,\n    \"handlers\": {{\n" \
        "        \"console\": {{\"class\": \"logging.StreamHandler\"{1}}},\n        \"file\": {{\n" \
        "            \"class\": \"logging.FileHandler\",\n            \"filename\": \"shop.log\",\n" \
        "            \"filters\": [\"short\"{2}],\n        }},\n    }},\n" \
        "    \"filters\": {{{3}\"short\": {{\"()\": \"shop.logs.Short\"}}{4}}},\n" \
        "    \"root\": {{\"handlers\": [\"console\", \"file\"]}},\n}}\n\n\n" \
        "class Short(logging.Filter): ...\n\n\ndef set_up() -> None:\n    logging.config.dictConfig(LOGGING)\n"
SHOP = HEAD.replace("from pydantic import BaseModel\n", "\nfrom shop.logs import set_up\n").replace(
    "app = ", "set_up()\napp = ") + LOGGED
SecretsInLogs.examples = (
    Bad(
        {"main.py": HEAD + "\n\n@app.post(\"/login\")\ndef login(name: str, password: str) -> None:\n"
         "    logger.info(f\"login of {name} with {password}\")\n"
         "    logger.info(\"login of %s with %s\", name, password)\n"},
        at=("main.py:12", "main.py:13"), severity="medium",
        fixed={"main.py": HEAD + "\n\n@app.post(\"/login\")\ndef login(name: str, password: str) -> None:\n"
               "    logger.info(f\"login of {name} with ***\")\n"
               "    logger.info(\"login of %s with %s\", name, \"***\")\n"},
    ),
    Bad(  # settings, headers, a body, a model, a token that was made, an address with its password
        {"main.py": HEAD + "from conf import create_access_token, settings\n\n\nclass SignUp(BaseModel):\n"
         "    name: str\n    password: str\n\n\n@app.post(\"/\")\n"
         "async def sign_up(body: SignUp, request: Request) -> None:\n"
         "    print(settings)\n    logger.debug(\"%s\", request.headers)\n    logger.debug(await request.body())\n"
         "    logger.debug(\"new: %s\", body.model_dump())\n    token = create_access_token(body)\n"
         "    print(\"token: \" + token)\n    logger.warning(f\"at {settings.DATABASE_URL}\")\n"},
        at=("main.py:18", "main.py:19", "main.py:20", "main.py:21", "main.py:23", "main.py:24"),
    ),
    Bad(
        {"db.py": "from sqlalchemy import create_engine\n\nengine = create_engine(\"postgresql://shop\", echo=True)\n"},
        at=("db.py:3",), severity="low",
        fixed={"db.py": "from sqlalchemy import create_engine\n\n"
               "engine = create_engine(\"postgresql://shop\", echo=False)\n"},
    ),
    Bad(  # a body and headers as a whole: a filter at every handler of a set-up that is written out
        {"shop/__init__.py": "", "shop/logs.py": SETUP.format("", "", "", "", ""), "shop/main.py": SHOP},
        at=("shop/main.py:14", "shop/main.py:15"), severity="medium",
        fixed={"shop/secret_filter.py": TEXT, "shop/logs.py": SETUP.format(
            "\nfrom shop.secret_filter import HideSecrets\n", ", \"filters\": [\"hide_secrets\"]", ", \"hide_secrets\"",
            "\n        ", ",\n        \"hide_secrets\": {\"()\": HideSecrets},\n    ")},
    ),
    Bad(  # after basicConfig, which runs whenever the module is imported
        {"main.py": HEAD.replace("\napp", "\nlogging.basicConfig(\n    level=logging.INFO,\n)\napp") + LOGGED},
        at=("main.py:15", "main.py:16"),
        fixed={"secret_filter.py": TEXT, "main.py": HEAD.replace(
            "\napp", "\nfrom secret_filter import hide_secrets_in_logs\n\nlogging.basicConfig(\n"
            "    level=logging.INFO,\n)\nhide_secrets_in_logs()\napp") + LOGGED},
    ),
    Bad(  # no set-up to be seen: the server's; a set-up only where the program is started by hand
        {"main.py": HEAD + LOGGED + "\n\nif __name__ == \"__main__\":\n    logging.basicConfig()\n"},
        at=("main.py:12", "main.py:13"),
        fixed={"secret_filter.py": TEXT, "main.py": HEAD.replace("\napp = FastAPI()\n", "\nfrom secret_filter import "
               "hide_secrets_in_logs\n\napp = FastAPI()\nhide_secrets_in_logs(app)\n") + LOGGED
               + "\n\nif __name__ == \"__main__\":\n    logging.basicConfig()\n"},
    ),
    Bad(  # a filter knows secrets by their names: it sees none where a value stands alone, nor what is printed
        {"main.py": HEAD + "\n\nclass RedactingFilter(logging.Filter): ...\n\n\n"
         "logging.getLogger().handlers[0].addFilter(RedactingFilter())\n\n\n@app.post(\"/login\")\n"
         "async def login(password: str, request: Request) -> None:\n    logger.info(\"with %s\", password)\n"
         "    print(await request.body())\n"},
        at=("main.py:18", "main.py:19"),
    ),
    Good(  # its own filter
        {"main.py": HEAD + "\n\nclass RedactingFilter(logging.Filter): ...\n\n\n"
         "logging.getLogger().handlers[0].addFilter(RedactingFilter())\n" + LOGGED}),
    Good(  # lengths, kinds, counts, masked values, what hides itself, tokens of a text
        {"main.py": HEAD + "from pydantic import SecretStr\nfrom conf import mask\n\n\nclass SignUp(BaseModel):\n"
         "    name: str\n    password: SecretStr\n\n\n@app.post(\"/\")\n"
         "async def sign_up(body: SignUp, password: str, stream: list[str]) -> None:\n"
         "    logger.info(\"%s, %d\", body, len(password))\n    logger.info(f\"{body.password} {bool(password)}\")\n"
         "    logger.info(\"%s\", mask(password))\n    password = mask(password)\n    logger.info(password)\n"
         "    max_tokens, token_type = 5, \"bearer\"\n    print(max_tokens, token_type)\n"
         "    must_change_password = True\n    print(must_change_password)\n"
         "    for token in stream:\n        print(token)\n    logger.info(\"password changed\")\n"},
    ),
    Good({"db.py": "import logging\nimport os\n\nfrom sqlalchemy import create_engine\n\n"
          "engine = create_engine(\"postgresql://shop\", echo=bool(os.environ.get(\"ECHO\")))\n"
          "logging.info(\"ready\")\n"}),
    Good(  # a script for the terminal of whoever runs it
        {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
         "reset_password.py": "from users import reset\n\nnew_password = reset(\"admin\")\n"
         "print(f\"New password: {new_password}\")\n", "users.py": "def reset(name: str) -> str: ...\n"},
        outcome="not_applicable"),
    Bad(  # the only field of its text
        {"main.py": HEAD + "\n\n@app.post(\"/login\")\ndef login(password: str) -> None:\n"
         "    print(f\"login with {password}\")\n"}, at=("main.py:12",),
        fixed={"main.py": HEAD + "\n\n@app.post(\"/login\")\ndef login(password: str) -> None:\n"
               "    print(\"login with ***\")\n"}),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
    Bad(  # an address of host and port alone holds no password
        {"main.py": HEAD + "\n\n@app.get(\"/x\")\ndef x(s) -> None:\n    redis_url = f\"redis://{s.host}:{s.port}\"\n"
         "    print(f\"at {redis_url}\")\n\n\n@app.get(\"/y\")\ndef y(s) -> None:\n"
         "    redis_url = f\"redis://:{s.password}@{s.host}:1\"\n    print(f\"{redis_url}\")\n"}, at=("main.py:19",)),
)
