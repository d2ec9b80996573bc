"""SEC028: secrets from a generator that can be predicted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.nodes import statements
from readybook.facts.purposes import purposes
from readybook.finding import Answer
from readybook.intents import EnsureImport, RemoveUnusedImport, ReplaceExpression
from readybook.patterns import regex

DRAWS = frozenset({"random", "randint", "randrange", "choice", "choices", "sample", "getrandbits", "randbytes",
                   "uniform", "shuffle"})
CLOCKS = frozenset({"time.time", "time.time_ns", "time.monotonic", "datetime.datetime.now", "datetime.datetime.utcnow"})
STRONG = regex(r"secrets\.|os\.urandom$|uuid\.uuid4$|random\.SystemRandom\.")
SECRET = regex(
    r"(?i)(?:^|_)(?:token|secret|password|passwd|passphrase|otp|totp|pin|passcode|api_?key|secret_?key|access_?key|"
    r"session_?id|sid|session_?key|csrf|nonce|salt|(?:verification|verify|reset|invite|invitation|activation|"
    r"confirmation|access|auth|login|recovery|backup|security|two_?factor|mfa|sms|email)_?code|one_?time_?code)s?"
    r"(?:_?(?:value|str|string|hash|text|plain|raw))?$")
# what holds several that were made before, no alphabet
SEVERAL = regex(r"(?i)(?:^|_)(?!(?:chars|characters|(?:ascii_)?letters|(?:hex)?digits|symbols|words)$)[a-z]{2,}s$")
# the token of a lock says who holds it; nobody is let in by it
LOCK = regex(r"(?:^|\.)(?:locks?|locking|\w*(?:Lock|Mutex|Semaphore))\.")
# the session of a process or a stream, by which what it does is counted
COUNTED = regex(r"(?i)(?:^|[./_])(?:telemetry|usage_?(?:tracking|collector)|analytics|metrics)[./_]")
# the session of a batch of data is a mark on its rows
SESSION = regex(r"(?i)(?:^|_)(?:session_?id|sid|session_?key)$")
BATCH = regex(r"(?i)(?:^|[./_])(?:datasets?|batch(?:es)?|imports?|importer|ingest(?:ion)?|synthetic|seed(?:er)?)[./_]")
MAKER = regex(r"(?i)^_?(?:generate|gen|create|make|new|random|build|get|issue)_?(?:\w*_)?(?:token|secret|password|"
              r"otp|pin|passcode|api_?key|session_?id|csrf\w*|salt|nonce|(?:verification|reset|invite|activation|"
              r"confirmation|auth|recovery|login)_?code)s?$")
# what a function is named for whose code lets somebody in
CODED = regex(r"(?i)(?:^|_)(?:otp|totp|mfa|2fa|two_?factor|verification|verify|one_?time|reset|recovery|forgot|sms)"
              r"(?:_|$)")
PLAIN_CODE = regex(r"(?i)(?:new_|generated_|plain_|raw_)?code")
# a mark of the time: timestamp_token in the name of a report's file
STAMP = regex(r"(?i)^(?:\w+_)?(?:time_?stamp|date_?time|date|time|period|year|month|day|week|minute|hour)_")
# what a clock is read for, whatever it then becomes part of: the claims of a token, the times of a record
TIMES = regex(r"(?i)^(?:exp|iat|nbf|auth_time|ts|now|date|time|timestamp)$|_(?:on|date|time|timestamp)$|_at$|"
              r"expir|created|updated|issued|modified|start|ttl|until|lifetime")
NOT = regex(r"(?i)expir|_at$|_time$|ttl|until|lifetime|count|limit|max_|min_|num_|length|fake|mock|dummy|sample|"
            r"usage|budget|cost|placeholder|(?:first|last|per)_token")  # a language model's: time_to_first_token


class PredictableToken(Check):
    """A secret is drawn from a generator whose next values can be worked out.

    Looked at: calls of ``random``, ``uuid.uuid1`` and clocks whose value becomes a token, a password, a one-time
    code, a session id or the like, by the name of the variable, argument, key or function that takes it; low where
    nothing calls the function. ``random`` gives its whole state away after a few hundred values; a clock and
    ``uuid1`` can be guessed. Jitter, samples, shuffled lists and times of expiry are no secrets; ``secrets``,
    ``uuid4`` and ``SystemRandom`` are right.

    Fix: the same draw from ``secrets``, which asks the operating system.
    """

    id = "SEC028"
    name = "predictable-token"
    category = "security"
    severity = "high"
    hours = Hours(0.25, 0.5, 1, each=0.1)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.python.org/3/library/secrets.html", "https://cwe.mitre.org/data/definitions/330.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each predictable draw of a secret, a Right for each that cannot be predicted."""
        found = False
        for call in project.facts.behaviour.matching(_kind):
            kind = _kind(call.path)
            if LOCK.search(call.function):
                continue
            if kind == "clock" and COUNTED.search(f"{call.place.path}/{call.function}"):
                continue
            names = purposes(call)
            if kind == "clock" and names and (TIMES.search(names[0]) or STAMP.match(names[0])):
                continue
            name = next((n for n in names if _of_secret(n, kind)), "") or _code(call, kind, names)
            if not name or _one_of_these(call):
                continue
            if SESSION.search(name) and BATCH.search(f"{call.place.path}/{call.function}"):
                continue
            found = True
            if kind == "strong":
                yield Right(call.place, "drawn from the operating system")
            else:
                yield _finding(call, kind, name, _unused(project, call))
        if not found:
            yield NotApplicable("the application's code draws no secret")


def _one_of_these(call: Call) -> bool:
    """Whether one is picked, alone, of a few words that the code writes out, or of things that are there already, which
    a name in the plural says: nothing secret is made by that."""
    words, node = call.args[0] if call.last == "choice" and call.args else None, call.site.node
    written = isinstance(words, list | tuple) and words and all(isinstance(w, str) and len(w) > 1 for w in words)
    kept = node[4][0] if call.last == "choice" and node[4] and not (isinstance(words, str | list) and words) else ()
    named = kept[:1] in (("name",), ("attr",)) and SEVERAL.search(kept[-1])
    if not written and not named:
        return False
    function = call.site.function
    body = function.node[6] if function is not None and function.node[0] == "def" else call.site.module.body
    return any(s[0] == "assign" and s[5] is node or s[0] == "return" and s[4] is node for s in statements(body))


def _of_secret(name: str, kind: str) -> bool:
    """Whether a name says secret; a function that makes one may read the clock for another reason."""
    made = MAKER.search(name) is not None
    if kind == "clock" and made:
        return False
    return (made or SECRET.search(name) is not None) and NOT.search(name) is None


def _code(call: Call, kind: str, names: list[str]) -> str:
    """The name ``code`` in a function that is named for one-time codes: ``send_otp``, ``request_password_reset``."""
    function = call.site.function
    named = kind != "clock" and function is not None and CODED.search(function.name) is not None
    return next((n for n in names if PLAIN_CODE.fullmatch(n)), "") if named else ""


def _unused(project: Project, call: Call) -> bool:
    """Whether no module names the function that draws, but for its own definition."""
    function = call.site.function
    if function is None or function.node[0] != "def" or function.node[7]:
        return False
    word = re.compile(rf"\b{re.escape(function.name)}\b")
    texts = [m.text for m in project.facts.modules.by_path.values() if function.name in m.text]
    return sum(len(word.findall(text)) for text in texts) == 1


def _kind(path: str) -> str:
    """How a call draws: strong, random, uuid1 or clock; empty when it does not draw."""
    if STRONG.match(path):
        return "strong"
    package, _, method = path.rpartition(".")
    if package in ("random", "random.Random", "numpy.random") and method in DRAWS:
        return "random"
    if path == "uuid.uuid1":
        return "uuid1"
    return "clock" if path in CLOCKS and "." in path else ""


def _finding(call: Call, kind: str, name: str, unused: bool) -> Answer:
    why = {"random": "whoever sees enough of its values works out the next ones",
           "uuid1": "it holds the time and the machine's address, the rest can be guessed",
           "clock": "whoever knows about when it was made tries the few times that are possible"}[kind]
    weak = re.search(r"(?i)salt|nonce", name) is not None
    so_far = f"; nothing calls {call.function.rpartition('.')[2]} so far" if unused else ""
    return Finding(call.place, f"{name} comes from {call.path}(): {why}{so_far}.",
                   "low" if unused else "medium" if weak else "high",
                   confidence="medium" if kind == "clock" else "high", fix=_fix(call, kind))


def _fix(call: Call, kind: str) -> Fix:
    path, written = call.place.path, call.written
    if kind == "clock":
        return advice("Draw it with secrets.token_urlsafe(32)", "what else the value is read for is not in the code")
    if written is None or call.path.startswith("numpy.") or call.path.endswith("shuffle"):
        return advice("Draw it from secrets.SystemRandom()", "how the call is written leaves no plain place to change")
    callee, arguments = written
    old, reason = f"{callee}({arguments})", "the values come from the operating system: a seed no longer repeats them"
    if kind == "uuid1":
        if "." not in callee or arguments:
            return advice("Use uuid.uuid4()", "the call is written in a way of its own")
        new = f"{callee.rpartition('.')[0]}.uuid4()"
        return Fix("Draw the id at random", (ReplaceExpression(call.place, old, new),), safety="review",
                   reason="ids no longer sort by time")
    new = f"secrets.choice({arguments})" if call.path.endswith(".choice") else _number(call, arguments)
    intents = (EnsureImport(path, "secrets"), ReplaceExpression(call.place, old, new),
               RemoveUnusedImport(path, callee.partition(".")[0]))
    return Fix("Draw it with secrets", intents, safety="review", reason=reason)


def _number(call: Call, arguments: str) -> str:
    """``secrets.randbelow`` for whole numbers that the code names, the same method of SystemRandom otherwise."""
    values, method = call.args, call.path.rpartition(".")[2]
    if method == "randint" and len(values) == 2 and all(isinstance(v, int) for v in values) and not call.kwargs:
        low, high = values
        if low < high:
            return f"secrets.randbelow({high - low + 1})" + (f" + {low}" if low else "")
    return f"secrets.SystemRandom().{method}({arguments})"


API = "from fastapi import FastAPI\n\napp = FastAPI()\n"
PredictableToken.examples = (
    Bad(
        {"main.py": "import random\nimport string\n\n" + API + "\n\n@app.post(\"/reset\")\ndef reset() -> str:\n"
         "    token = \"\".join(random.choice(string.ascii_letters) for _ in range(20))\n    return token\n"},
        at=("main.py:11",), severity="high",
        fixed={"main.py": "import secrets\nimport string\n\n" + API + "\n\n@app.post(\"/reset\")\ndef reset() -> str:\n"
               "    token = \"\".join(secrets.choice(string.ascii_letters) for _ in range(20))\n    return token\n"},
    ),
    Bad(  # a number between two, from an import of its own, in a function named for it
        {"codes.py": "from random import randint as draw\n\n\ndef generate_otp() -> int:\n"
         "    return draw(100000, 999999)\n"},
        at=("codes.py:5",),
        fixed={"codes.py": "import secrets\n\n\ndef generate_otp() -> int:\n"
               "    return secrets.randbelow(900000) + 100000\n"},
    ),
    Bad(  # by the argument that it is handed to, and the machine's clock
        {"users.py": "import hashlib\nimport time\nimport uuid\n\n\ndef invite(make):\n    link = uuid.uuid1()\n"
         "    make(reset_token=str(link), api_key=hashlib.md5(str(time.time()).encode()).hexdigest())\n"
         "    return make(session_id=str(uuid.uuid1()))\n"},
        at=("users.py:8", "users.py:9"),
    ),
    Bad(  # nobody asks for it so far
        {"codes.py": "import random\n\n\ndef generate_otp() -> int:\n    return random.randint(1000, 9999)\n"},
        at=("codes.py:5",), severity="low",
    ),
    Bad(  # a code of a function that is named for what it opens
        {"main.py": "import random\n\n" + API + "SENT: dict[str, str] = {}\n\n\n@app.post(\"/otp\")\n"
         "def request_otp(phone: str) -> None:\n    code = str(random.randint(100000, 999999))\n"
         "    SENT[phone] = code\n"}, at=("main.py:11",), severity="high",
    ),
    Good(  # no secret: the code of a product
        {"main.py": "import random\n\n" + API + "\n\n@app.post(\"/products\")\ndef add_product() -> str:\n"
         "    code = str(random.randint(100000, 999999))\n    return code\n"}, outcome="not_applicable",
    ),
    Good(  # the mark of who holds a lock
        {"app/locks.py": "import uuid\n\n\nclass RedisLock:\n    def acquire(self) -> str:\n"
         "        token = uuid.uuid1().hex\n        return token\n"}, outcome="not_applicable",
    ),
    Good(  # by what name usage is counted
        {"app/usage_tracking/collector.py": "import time\n\n\nclass Collector:\n    def start(self) -> None:\n"
         "        self.session_id = f\"{time.time_ns()}\"\n"}, outcome="not_applicable",
    ),
    Good(  # by what name the rows of one import are found again
        {"app/dataset_import.py": "import random\nimport time\n\n\ndef load(rows: list) -> list:\n"
         "    session_id = random.randint(0, 999999)\n"
         "    return [(row, f\"imported_{session_id}\") for row in rows]\n\n\n"
         "def load_more(rows: list) -> list:\n    session_id = str(int(time.time()))\n"
         "    return [(row, session_id) for row in rows]\n"}, outcome="not_applicable",
    ),
    Bad(  # what unlocks an account is no lock
        {"app/accounts.py": "import uuid\n\n\ndef make_unlock_token() -> str:\n    token = uuid.uuid1().hex\n"
         "    return token\n"}, at=("app/accounts.py:5",)),
    Good(  # jitter, a sample, a shuffle, a time of expiry
        {"retry.py": "import random\nimport time\n\n\ndef wait(users, tokens):\n"
         "    token_expires_at = time.time() + 60 + random.random()\n"
         "    delay = random.uniform(0, 1)\n    random.shuffle(users)\n"
         "    return random.choice(tokens), delay, token_expires_at\n"},
        outcome="not_applicable",
    ),
    Good(  # what a language model writes are tokens too
        {"stream.py": "import time\n\n\ndef took(run: dict) -> None:\n"
         "    run[\"tt_first_token\"] = time.time() - run[\"start\"]\n"},
        outcome="not_applicable",
    ),
    Good(  # a mark of the time, in the name of a file
        {"report.py": "from datetime import datetime\n\n\ndef name_of(tenant: str) -> str:\n"
         "    timestamp_token = datetime.now().strftime(\"%y%m%d%H%M\")\n"
         "    return f\"{tenant}-{timestamp_token}.pdf\"\n"},
        outcome="not_applicable",
    ),
    Good(
        {"main.py": "import random\nimport secrets\nimport uuid\n\n" + API
         + "\n\ndef reset() -> tuple[str, str]:\n    token = secrets.token_urlsafe(32)\n"
         "    password = \"\".join(random.SystemRandom().choices(\"abc\", k=9))\n"
         "    return token, password, str(uuid.uuid4())\n"},
    ),
    Good(  # the times in a token's claims
        {"tokens.py": "from datetime import datetime, timedelta\n\nimport jwt\n\n\n"
         "def encode(payload: dict, key: str) -> str:\n"
         "    token = jwt.encode(payload={**payload, \"exp\": datetime.now() + timedelta(hours=1)}, key=key)\n"
         "    return token\n\n\ndef other(key: str) -> str:\n    token = {\"sub\": \"1\", \"iat\": datetime.now()}\n"
         "    return jwt.encode(token, key)\n"},
        outcome="not_applicable",
    ),
    Good(  # one of a few words that the code writes out
        {"texts.py": "import random\n\nWORDS = [\"shop\", \"cart\", \"price\"]\n\n\n"
         "def filler(rng: random.Random) -> str:\n    token = random.choice(WORDS)\n    return f\"a {token}\"\n"},
        outcome="not_applicable"),
    Good(  # one of those that are there, and have been given out
        {"links.py": "import random\n\n\ndef link(settings) -> str:\n"
         "    reality_sid = random.choice(settings.short_ids)\n    return f\"vless://?sid={reality_sid}\"\n"},
        outcome="not_applicable"),
    Bad(  # a letter of an alphabet
        {"codes.py": "import random\n\n\ndef code(letters) -> str:\n    pin = \"\"\n    for _ in range(4):\n"
         "        pin += random.choice(letters)\n    return pin\n"}, at=("codes.py:7",)),
    Bad(  # several of them are one
        {"users.py": "import random\n\nWORDS = [\"shop\", \"cart\", \"price\"]\n\n\n"
         "def make_password() -> str:\n    return \"-\".join(random.choice(WORDS) for _ in range(4))\n"},
        at=("users.py:7",)),
    Good({"tests/test_a.py": "import random\n\n\ndef test_login():\n    password = str(random.random())\n",
          "main.py": API}, outcome="not_applicable"),
)
