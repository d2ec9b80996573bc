"""What is told from names and values of secrets, which keys sign, what code refuses, and what fields mean."""

from __future__ import annotations

import pytest

from readybook import Project, registry
from readybook.facts.meanings import meaning_of
from readybook.facts.refusals import refused
from readybook.facts.keptliterals import secret_literals
from readybook.facts.secretliterals import SecretLiteral
from readybook.facts.secretvalues import dsn_password, kind_of, names_secret, names_signing_key, provider_of
from readybook.facts.signing import signing_keys
from readybook.run import ask

# put together, so that no scanner of this repository takes them for real ones
GITHUB = "ghp_" + "a8Kq2Lw9Xc4Vb7Nm1Zp5Rt3Ys6Dh0JfUeGoTi"
STRIPE = "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc"


@pytest.mark.parametrize("name", ["SECRET_KEY", "jwtSecret", "db_password", "apiKey", "SMTP_PASS", "access_token",
                                  "API_KEY_2"])
def test_names_that_hold_secrets(name: str):
    assert names_secret(name)


@pytest.mark.parametrize("name", ["token_type", "tokenUrl", "NextToken", "password_hash", "hashed_password", "key",
                                  "pass",
                                  "primary_key", "cache_key", "public_key", "key_id", "eos_token", "PASSWORD_RESET",
                                  "use_id_token", "secret_name", "token_expire_minutes", ""])
def test_names_that_only_look_so(name: str):
    assert not names_secret(name)


def test_which_names_sign():
    assert names_signing_key("JWT_SECRET") and names_signing_key("app.secret_key")
    assert not names_signing_key("api_key") and not names_signing_key("password")


@pytest.mark.parametrize(("value", "kind"), [
    (GITHUB, "provider"), (f"Bearer {STRIPE}", "provider"), ("AKIA" + "IOSFODNN7EXAMPLE", "placeholder"),
    ("phc_Zk3Vb8Qm1Xc6Lp9Rt2Yw5Ns7Hd4Gf0Ja", "public"), ("postgresql://u:p@h/d", "dsn"), ("${SECRET}", "template"),
    ("!UNDERSCORE!", "template"), ("[PAD_TOKEN]", "template"),
    ("{{cookiecutter.key}}", "template"), ("changeme", "placeholder"), ("your-api-key", "placeholder"),
    ("****", "placeholder"), ("123456:ABC-DEF1234ghIkl", "placeholder"), ("mypassword123", "weak"),
    ("password123", "weak"), ("postgres", "weak"), ("!secret", "weak"), ("12345678", "weak"), ("maryann", "words"),
    ("X-Api-Key", "words"), ("bearer_token", "words"), ("9f86d081884c7d659a2feaa0c55ad015", "random"),
    ("tR8mZq3LwX7vNc2KpJ5sBd", "random"), ("Kw82hdPq", "chosen"), ("must be 8 long", "text"),
    ("/run/secrets/key", "text"),
    (r"^[a-z]\d+$", "text"), ("https://auth.example/token", "placeholder"), ("  ", "empty"),
])
def test_kinds_of_values(value: str, kind: str):
    assert kind_of(value) == kind


def test_providers_keys_are_told_by_shape():
    assert provider_of(GITHUB) == "GitHub token" and provider_of(f"x={STRIPE}&y") == "Stripe key"
    assert provider_of("ghp_" + "x" * 36) is None
    assert provider_of("sk-" + "this-is-the-name-of-a-css-class-and-no-key") is None


def test_passwords_in_urls():
    remote, local = dsn_password("postgresql+asyncpg://u:pw@db.host.io:5432/x"), dsn_password("redis://:pw@cache:6379/0")
    assert remote is not None and (remote.password, remote.host, remote.local) == ("pw", "db.host.io:5432", False)
    assert local is not None and local.local
    assert dsn_password("redis://cache:6379") is None and dsn_password("postgresql://u:${PW}@h/d") is None


def literals(text: str) -> list[SecretLiteral]:
    project = Project.from_files({"app.py": text})
    signing, _ = signing_keys(project.facts.behaviour)
    return secret_literals(project.facts.modules.by_path["app.py"], {s.value for s in signing if s.value})


@pytest.mark.parametrize(("text", "context", "name"), [
    ("api_key = 'a'\n", "assigned", "api_key"),
    ("conf['api_key'] = 'a'\n", "assigned", "api_key"),
    ("class A:\n    api_key: str = Field(default='a')\n", "assigned", "api_key"),
    ("client(api_key='a')\n", "argument", "api_key"),
    ("x = {'api_key': 'a'}\n", "entry", "api_key"),
    ("def f(api_key='a'): ...\n", "parameter", "api_key"),
    ("if password == 'a':\n    go()\n", "compared", "password"),
    ("import os\nK = os.getenv('API_KEY', 'a')\n", "fallback", "API_KEY"),
    ("import os\nK = os.environ.get('API_KEY') or 'a'\n", "fallback", "API_KEY"),
    ("api_key = b'a' if live else None\n", "assigned", "api_key"),
])
def test_where_literals_stand(text: str, context: str, name: str):
    (found,) = literals(text)
    assert (found.context, found.name, found.value) == (context, name, "a")
    assert text.split("\n")[found.place.line - 1][found.place.column - 1:].startswith(found.text) and found.text


@pytest.mark.parametrize("text", [
    "'''api_key = \"a\"'''\n", "x = Field(alias='api_key', examples=['a'])\n", "body = {'example': {'api_key': 'a'}}\n",
    "from enum import Enum\nclass K(Enum):\n    api_key = 'a'\n", "if password == 'a':\n    raise ValueError\n",
    "data.get('api_key', 'a')\n", "model_config = {'api_key': 'a'}\n",
])
def test_where_they_do_not(text: str):
    assert literals(text) == []


def test_a_fallback_knows_the_whole_read():
    (found,) = literals("import os\nK = os.environ.get('API_KEY') or 'a'\n")
    assert found.read == "os.environ.get('API_KEY') or 'a'"
    assert (found.variable, found.reader) == ("API_KEY", "os.environ.get")


def test_keys_are_followed_through_wrappers_and_encodings():
    project = Project.from_files({"app.py": (
        "import hmac\nimport os\n\nA = os.getenv('A', 'one')\n\n\n"
        "class Signer:\n    def sign(self, body: bytes, key: str) -> bytes:\n        return mac(body, secret=key)\n\n\n"
        "def mac(body, *, secret):\n    return hmac.new(secret.encode(), body, 'sha256').digest()\n\n\n"
        "def use():\n    return Signer().sign(b'', A), mac(b'', secret='two')\n"
    )})
    signing, written = signing_keys(project.facts.behaviour)
    assert {"one", "two"} <= {s.value for s in signing} and "A" in {s.variable for s in signing}
    assert [w.line for w in written] == [17]


@pytest.mark.parametrize(("body", "expected"), [
    ("def check(s):\n    if s.secret_key == 'weak': raise ValueError\n", True),
    ("import sys\ndef check(s):\n    if s.secret_key in ('a', 'weak'): sys.exit(1)\n", True),
    ("def check(s):\n    if len(s.secret_key) < 32: raise ValueError\n", True),
    ("WEAK = 'weak'\nclass S:\n    def a(self): self.b('SECRET_KEY', 1)\n    def b(self, n, v):\n"
     "        if v == WEAK: raise E\n", True),
    ("def check(s):\n    if len(s.secret_key) < 3: raise ValueError\n", False),
    ("def check(s):\n    if s.secret_key == 'weak': log('weak')\n", False),
    ("def check(s):\n    if s.other == 'weak': raise ValueError\n", False),
])
def test_what_code_refuses(body: str, expected: bool):
    project = Project.from_files({"app.py": body})
    assert (refused(project.facts.modules.by_path.values(), ("secret_key",), "weak") is not None) is expected


def test_meanings_come_from_descriptions_and_comments():
    project = Project.from_files({"conf.py": (
        "from pydantic import Field\nfrom pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
        "    a: int = Field(1, description='How  many')\n    b: int = 2  # per minute\n"
        "    # Where the\n    # files are\n"
        "    c: str = '#1'\n    # c2: int = 3\n    d: int = 4  # noqa: E501\n"
    )})
    meanings = {v.name: meaning_of(project, v) for v in project.facts.variables}
    assert meanings == {"A": "How many", "B": "per minute", "C": "Where the files are", "D": ""}


def test_a_key_is_told_of_with_the_call_in_its_own_file() -> None:
    """The same literal in two files signs in both."""
    text = ("import jwt\n\nSECRET_KEY = \"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7\"\n\n\n"
            "def token() -> str:\n    return jwt.encode({}, SECRET_KEY, algorithm=\"HS256\")\n")
    check = next(c for c in registry.load() if c.id == "SEC004")
    found = ask(check, Project.from_files({"a.py": text, "b.py": "\n" + text})).findings
    assert [[str(step) for step in f.chain] for f in found] == [["a.py:7"], ["b.py:8"]]


def test_tables_of_labels_and_of_types_hold_no_secrets() -> None:
    """Translations and the types of a generated client's fields stand beside the names of secrets."""
    labels = "{'Password': 'Kennw0rt-Feld', 'Save changes': 'a', 'No results found': 'b', 'Log in': 'c'}"
    types = "{'secret': 'V1SecretVolumeSource', 'api_token': 'V1ApiTokenProjection'}"
    assert [s.value for s in literals(f"A = {labels}\nB = {types}\n")] == []
    others = "{'password': 'Kennw0rt-Feld', 'a': 'b'}\nC = {'secret': 'V1Volume', 'api_token': 'ApiTokenProjection'}\n"
    assert [s.value for s in literals(f"A = {others}")] == ["Kennw0rt-Feld", "V1Volume", "ApiTokenProjection"]
