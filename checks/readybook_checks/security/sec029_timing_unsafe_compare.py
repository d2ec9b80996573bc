"""SEC029: secrets that are compared by ==."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.comparisons import SAME_TIME, Comparison, comparisons
from readybook.facts.objects import ClassValue
from readybook.facts.origins import Origins
from readybook.facts.scopes import Origin
from readybook.facts.secretvalues import names_secret
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import EnsureImport, ReplaceExpression
from readybook.patterns import regex

MORE = regex(r"(?i)(?:^|_)(?:signature|sig|hmac|csrf|otp|totp|passcode|pin_?code|hashed_?password|password_?hash|"
             r"token_?hash|key_?hash|verification_?code|reset_?code|auth_?code|x_?hub_?signature\w*)(?:_hex)?$")
MARKS = ("type", "kind", "class", "state", "status", "count", "len", "length", "id", "index", "name")
KEYED = regex(r"\bhmac\.|\.sign\(|compute_\w*signature|_signature\(")
QUERY = frozenset({"where", "filter", "having", "and_", "or_", "not_", "join", "outerjoin", "select", "case", "exists",
                   "any", "has", "find", "find_one", "find_all", "get_or_none", "on", "query"})
AGAIN = regex(r"(?i)confirm|repeat|again|retype|_2$|2$|new_|old_|current_|previous")
FILE = regex(r"\.(?:read|readline|read_text)\(")
ADVICE = "Compare with secrets.compare_digest(), both sides as bytes"


class TimingUnsafeCompare(Check):
    """A secret is compared with ==, which answers the sooner the earlier a character differs.

    Looked at: ``==`` and ``!=`` between two values of which one is named as a secret, a signature or a one-time code,
    and one comes from a request, the settings or an HMAC. Who measures many answers learns the secret piece by piece.
    Column expressions of a query, two fields of one request (a password and its repetition), kinds of tokens, numbers
    and comparisons with None or an empty text are no such comparison.

    Fix: ``secrets.compare_digest`` over bytes, as text outside ASCII makes it raise TypeError.
    """

    id = "SEC029"
    name = "timing-unsafe-compare"
    category = "security"
    severity = "medium"
    hours = Hours(0.25, 0.5, 1, each=0.1)
    fix_kinds = ("codemod", "advice")
    suppressed_by = ("SEC020",)  # a password hash replaces the comparison
    references = ("https://docs.python.org/3/library/secrets.html#secrets.compare_digest",
                  "https://cwe.mitre.org/data/definitions/208.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each comparison of a secret, a Right for each that takes the same time always."""
        found = False
        for call in project.facts.behaviour.calls_to(*SAME_TIME):
            found = True
            yield Right(call.place, "compared in the same time always")
        for item in comparisons(project.facts.behaviour):
            answer = _answer(project.facts.origins, item)
            if answer is not None:
                found = True
                yield answer
        if not found:
            yield NotApplicable("the application's code compares no secret")


def _answer(origins: Origins, item: Comparison) -> Answer | None:
    if QUERY & set(item.called) or _no_secret(item.left) or _no_secret(item.right):
        return None
    names = [n for n in (item.left, item.right) if _secret(n)]
    if not names or any(_column(origins, item, n) for n in (item.left, item.right)) or _same_source(item):
        return None
    sides = {id(n): origins.traced(n, item.scope) for n in (item.left, item.right)}
    why = _evidence(item, names, sides)
    if not why:
        return None
    text = f"{unparse(item.left)} {'==' if item.equal else '!='} {unparse(item.right)}"
    return Finding(
        item.place, f"{text} compares a secret ({why}) in a time that tells how much of it was right.",
        confidence="high" if "request" in why or "HMAC" in why else "medium", fix=_fix(item, sides),
    )


def _last_name(node: Node) -> str:
    """The name by which an expression says what it is."""
    if node[0] == "name":
        return str(node[3])
    if node[0] == "attr":
        return "" if node[4] in ("value", "name") else str(node[4])
    if node[0] == "sub" and node[4][0] == "const" and isinstance(node[4][3], str):
        return node[4][3].replace("-", "_")
    if node[0] == "await":
        return _last_name(node[3])
    if node[0] == "call":
        callee, arguments = node[3], node[4]
        method = callee[4] if callee[0] == "attr" else ""
        if method in ("get", "getenv", "pop") and arguments and arguments[0][0] == "const" and isinstance(
            arguments[0][3], str
        ):
            return arguments[0][3].replace("-", "_")
        if method in ("get_secret_value", "encode", "decode", "strip", "lower", "hexdigest", "digest"):
            return _last_name(callee[3])
    return ""


def _secret(node: Node) -> bool:
    name = _last_name(node)
    named = bool(name) and (names_secret(name) or MORE.search(name) is not None)
    return named or KEYED.search(unparse(node)) is not None


def _no_secret(node: Node) -> bool:
    """A side that only asks for a kind, an emptiness or a short mark."""
    if node[0] == "const":
        return not isinstance(node[3], str | bytes) or len(node[3]) < 8
    if node[0] in ("cmp", "bool", "unary", "list", "tuple", "dict", "lambda"):
        return True
    if node[0] == "call" and node[3][0] == "name" and node[3][3] in ("len", "type", "int", "bool", "id", "hash"):
        return True
    return _last_name(node).lower().endswith(MARKS)


def _column(origins: Origins, item: Comparison, node: Node) -> bool:
    """An attribute of a class: a column, or a member of an enum."""
    if node[0] != "attr":
        return False
    base = node[3]
    if base[0] == "attr" and base[4] == "c":
        return True
    value = origins.value_of(base, item.scope)
    return isinstance(value, ClassValue) or base[0] == "name" and re.fullmatch(r"[A-Z][a-z]\w*", base[3]) is not None


def _same_source(item: Comparison) -> bool:
    """Two fields that one sender writes: a password and its repetition."""
    left, right = item.left, item.right
    if left[0] == "attr" and right[0] == "attr" and unparse(left[3]) == unparse(right[3]):
        return True
    if _made_of(left, right, item) or _made_of(right, left, item):
        return True
    words = unparse(left) + " " + unparse(right)
    return "password" in words.lower() and AGAIN.search(unparse(left)) is not None or (
        "password" in words.lower() and AGAIN.search(unparse(right)) is not None)


def _made_of(one: Node, other: Node, item: Comparison) -> bool:
    """Whether one side is a name for the other one in another form: ``plain = unquote(token)``."""
    values = item.scope.bindings.bound(one[3], one) if one[0] == "name" else []
    return bool(values) and all(v[0] == "call" and [unparse(a) for a in v[4]] == [unparse(other)] for v in values)


def _evidence(item: Comparison, names: list[Node], sides: dict[int, tuple[Origin, ...]]) -> str:
    """What shows that one side is held by the server and the other presented; empty when nothing does."""
    if any(KEYED.search(unparse(n)) or any("hmac" in o.what for o in sides[id(n)]) for n in (item.left, item.right)):
        return "an HMAC"
    kinds = {id(n): {o.kind for o in sides[id(n)]} for n in (item.left, item.right)}
    both = [kinds[id(item.left)], kinds[id(item.right)]]
    if any("request" in k for k in both) and not all(k <= {"request"} and k for k in both):
        return "one side is from the request"
    for mine, other in ((item.left, item.right), (item.right, item.left)):
        if _read_of_file(other, item) or _read_of_file(mine, item):
            continue  # the machine's own: nobody tries
        if "environment" in kinds[id(mine)] and _secret(mine) and kinds[id(other)] & {"request", "unknown", "checked"}:
            return "one side is a setting"
    literal = any(n[0] == "const" or not kinds[id(n)] for n in (item.left, item.right))
    return "one side is a constant" if literal and any("request" in k for k in both) else ""


def _read_of_file(node: Node, item: Comparison) -> bool:
    """Whether a name holds what a file of the machine has."""
    values = item.scope.bindings.bound(node[3], node) if node[0] == "name" else []
    return bool(values) and all(FILE.search(unparse(v)) for v in values)


def _fix(item: Comparison, sides: dict[int, tuple[Origin, ...]]) -> Fix:
    old = f"{unparse(item.left)} {'==' if item.equal else '!='} {unparse(item.right)}"
    source = item.scope.module.text.split("\n")[item.node[1] - 1]
    for quote in ("'", '"'):
        if old.replace("'", quote) in source:
            old = old.replace("'", quote)
            break
    else:
        return advice(ADVICE, "the comparison is written over several lines")
    kinds = [_type(n, item) for n in (item.left, item.right)]
    if set(kinds) == {""}:
        return advice(ADVICE, "whether the two sides are text or bytes, and can be None, is not in the code")
    texts = old.split(" == " if item.equal else " != ")
    if len(texts) != 2:
        return advice(ADVICE, "the comparison is part of a longer one")
    given = [t if "bytes" in kinds else f"{t}.encode()" if k == "text" and _plain(n)
             else f"({t} or \"\").encode()" for t, k, n in zip(texts, kinds, (item.left, item.right), strict=True)]
    new = f"{'' if item.equal else 'not '}secrets.compare_digest({', '.join(given)})"
    return Fix("Compare in the same time always", (EnsureImport(item.place.path, "secrets"),
               ReplaceExpression(item.place, old, new)), safety="review",
               reason="a side that is neither text nor bytes now raises an error instead of being unequal")


def _plain(node: Node) -> bool:
    return node[0] in ("name", "attr", "call", "sub")


def _type(node: Node, item: Comparison) -> str:
    """bytes, text, optional (text or None), or empty when it is not known."""
    if node[0] == "const":
        return "bytes" if isinstance(node[3], bytes) else "text"
    if node[0] == "fstring":
        return "text"
    if node[0] == "call" and node[3][0] == "attr":
        method = node[3][4]
        if method in ("digest", "encode"):
            return "bytes"
        if method in ("hexdigest", "decode", "get_secret_value", "strip", "lower", "format"):
            return "text"
        return "optional" if method in ("get", "getenv") else ""
    if node[0] == "sub" and unparse(node[3]).endswith(("environ", "headers")):
        return "text"
    if node[0] == "name" and item.scope.function is not None:
        annotation = next((unparse(p[1]) for p in item.scope.function.params if p[0] == node[3] and p[1]), "")
        if re.match(r"(?:Annotated\[)?str\b(?! \|)", annotation):
            return "text"
        return "optional" if re.search(r"\bstr\b", annotation) and "None" in annotation + "Optional" else ""
    return ""


API = "from fastapi import FastAPI, Header, HTTPException\n"
TimingUnsafeCompare.examples = (
    Bad(
        {"main.py": "import os\n\n" + API + "\nTOKEN = os.environ[\"ADMIN_TOKEN\"]\napp = FastAPI()\n\n\n"
         "@app.get(\"/\")\ndef index(x_token: str = Header()) -> None:\n    if x_token != TOKEN:\n"
         "        raise HTTPException(401)\n"},
        at=("main.py:11",), severity="medium",
        fixed={"main.py": "import os\nimport secrets\n\n" + API
               + "\nTOKEN = os.environ[\"ADMIN_TOKEN\"]\napp = FastAPI()\n\n\n"
               "@app.get(\"/\")\ndef index(x_token: str = Header()) -> None:\n"
               "    if not secrets.compare_digest(x_token.encode(), (TOKEN or \"\").encode()):\n"
               "        raise HTTPException(401)\n"},
    ),
    Bad(  # a webhook's signature
        {"main.py": "import hashlib\nimport hmac\n\nfrom fastapi import FastAPI, Request\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/hook\")\nasync def hook(request: Request) -> bool:\n    body = await request.body()\n"
         "    signature = request.headers[\"x-signature\"]\n"
         "    return hmac.new(b\"k\", body, hashlib.sha256).hexdigest() == signature\n"},
        at=("main.py:13",),
    ),
    Bad(  # a helper that the handler calls, against the settings of another module
        {"conf.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    api_key: str\n"
         "\n\nsettings = Settings()\n",
         "auth.py": "from conf import settings as s\n\n\ndef known(key: str | None) -> bool:\n"
         "    return s.api_key == key\n",
         "main.py": "from auth import known\n" + API + "\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def index(key: str) -> bool:\n    return known(key)\n"},
        at=("auth.py:5",),
        fixed={"auth.py": "import secrets\n\nfrom conf import settings as s\n\n\ndef known(key: str | None) -> bool:\n"
               "    return secrets.compare_digest((s.api_key or \"\").encode(), (key or \"\").encode())\n"},
    ),
    Good(  # already right; a column, a kind, an emptiness, a repetition
        {"main.py": "import secrets\n\n" + API + "from pydantic import BaseModel\nfrom models import Key\n\n\n"
         "class SignUp(BaseModel):\n    password: str\n    confirm_password: str\n\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/\")\ndef index(body: SignUp, token: str, token_type: str, db) -> bool:\n"
         "    db.query(Key).filter(Key.token == token).first()\n"
         "    if token == \"\" or token_type == \"bearer\" or body.password != body.confirm_password:\n"
         "        return False\n    return secrets.compare_digest(token.encode(), b\"s\")\n"},
    ),
    Good(  # tokens of a language are no secrets
        {"parse.py": "def parse(tokens):\n    for token in tokens:\n        if token == tokens[0]:\n"
         "            return token\n"},
        outcome="not_applicable",
    ),
    Good(  # one value in two forms
        {"main.py": API + "from urllib.parse import unquote\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def index(token: str) -> bool:\n    plain_token = unquote(token)\n    return plain_token != token\n"},
        outcome="not_applicable"),
    Good({"main.py": API + "\napp = FastAPI()\n\n\n@app.get(\"/\")\ndef index(name: str) -> bool:\n"
          "    return name == \"administrator\"\n"}, outcome="not_applicable"),
    Good(  # a file of the machine's own
        {"main.py": "import os\n\n\ndef keep(path: str) -> None:\n    token = os.environ[\"API_TOKEN\"]\n"
         "    with open(path) as f:\n        kept_token = f.read().strip()\n"
         "    if kept_token == token:\n        return\n"
         "    with open(path, \"w\") as f:\n        f.write(token)\n"}, outcome="not_applicable"),
)
