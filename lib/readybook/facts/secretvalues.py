"""What a literal beside a name is worth to a thief: names that hold secrets, and kinds of values.

A value is judged by its text alone: ``provider`` (the shape of a known service's key), ``private key``, ``dsn`` (a URL
with a password), ``random`` (drawn at random), ``chosen`` (made up by a person: letters, digits and signs mixed),
``words`` (letters only: a password or a plain name, the text does not tell), ``weak`` (among the first that anybody
tries), ``placeholder`` (asks to be replaced), ``template`` (filled in later), ``text`` (prose, a path, a pattern),
``public`` (meant to be seen: publishable keys) or ``empty``.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from functools import lru_cache

from readybook.patterns import regex
from readybook.records import record

_WORD = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_HEADS = frozenset({"password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "credential", "passcode"})
_KEYED = frozenset({
    "secret", "api", "access", "private", "signing", "encryption", "auth", "jwt", "master", "session", "fernet",
    "cookie",
    "hmac", "account", "storage", "shared", "authjwt", "service", "admin", "app", "aes", "signature", "webhook",
    "license",
})
# a name that says one of these names something about a secret, or something made to be seen
_NOT = frozenset({
    "hash", "hashed", "encrypted", "public", "publishable", "anon", "type", "next", "page", "continuation", "cursor",
    "mask", "masked", "redacted", "placeholder", "example", "dummy", "fake", "mock", "max", "min", "field", "header",
    "param", "name", "label", "regex", "pattern", "url", "uri", "path", "endpoint", "prefix", "suffix", "eos", "bos",
    "pad",
    "unk", "sep", "special", "stop", "site", "idempotency", "cache", "invalid", "wrong", "error", "message", "title",
    "use", "enable", "enabled", "disable", "require", "allow", "show", "has", "expire", "expires", "ttl", "length",
    "count",
    "limit",
})
_SPARED = frozenset({"_pass", "pass_", "__pass"})  # what a variable is called when ``pass`` is a keyword
_SIGNING = frozenset({
    ("secret", "key"), ("jwt", "secret"), ("jwt", "key"), ("signing", "key"), ("session", "secret"), ("token",
    "secret"),
    ("encryption", "key"), ("auth", "secret"), ("app", "secret"), ("webhook", "secret"), ("signing", "secret"),
    ("cookie", "secret"), ("fernet", "key"), ("hmac", "key"), ("hmac", "secret"), ("client", "secret"),
})
# whose key, what it begins with (to find the texts and lines that may hold one without trying every pattern), its shape
_PROVIDERS = (
    ("AWS access key", ("AKIA", "ASIA"), regex(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])")),
    ("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
     regex(r"\bgh[pousr]_[A-Za-z0-9]{36,255}|\bgithub_pat_[A-Za-z0-9_]{40,255}")),
    ("GitLab token", ("glpat-",), regex(r"\bglpat-[\w-]{20,80}")),
    ("Anthropic key", ("sk-ant-",), regex(r"\bsk-ant-[\w-]{20,300}")),
    ("OpenAI key", ("sk-",), regex(r"\bsk-(?:proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{32,300}")),
    ("Stripe key", ("k_live_",), regex(r"\b[sr]k_live_[A-Za-z0-9]{16,255}")),
    ("Stripe test key", ("k_test_",), regex(r"\b[sr]k_test_[A-Za-z0-9]{16,255}")),
    ("Stripe webhook secret", ("whsec_",), regex(r"\bwhsec_[A-Za-z0-9+/=]{24,255}")),
    ("Slack token", ("xox", "xapp-"),
     regex(r"\bxox[abeoprs]-[0-9]{6,}[A-Za-z0-9-]{10,255}|\bxapp-[0-9]-[A-Za-z0-9-]{20,255}")),
    ("Slack webhook", ("hooks.slack.com",),
     regex(r"hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}")),
    ("Google API key", ("AIza",), regex(r"\bAIza[0-9A-Za-z_-]{35}(?![\w-])")),
    ("Google client secret", ("GOCSPX-",), regex(r"\bGOCSPX-[\w-]{20,60}")),
    ("SendGrid key", ("SG.",), regex(r"\bSG\.[\w-]{16,64}\.[\w-]{16,64}")),
    ("Telegram bot token", (":AA",), regex(r"\b[0-9]{8,10}:AA[\w-]{33}(?![\w-])")),
    ("Hugging Face token", ("hf_",), regex(r"\bhf_[A-Za-z0-9]{34,60}")),
    ("Groq key", ("gsk_",), regex(r"\bgsk_[A-Za-z0-9]{40,80}")),
    ("DigitalOcean token", ("dop_v1_",), regex(r"\bdop_v1_[a-f0-9]{64}")),
    ("npm token", ("npm_",), regex(r"\bnpm_[A-Za-z0-9]{36}")),
    ("PyPI token", ("pypi-AgEI",), regex(r"\bpypi-AgEI[A-Za-z0-9_-]{50,400}")),
    ("Mailgun key", ("key-",), regex(r"\bkey-[0-9a-f]{32}\b")),
)
SHORTEST = 20  # characters of such a key
_BEFORE = {"k_live_": (1,), "k_test_": (1,), ":AA": (10, 9, 8)}  # characters of a key before how it is told
SHAPES = tuple(start for _, starts, _ in _PROVIDERS for start in starts)
_PUBLIC = regex(r"(?:phc_|pk_(?:live|test)_|pk\.eyJ|G-[A-Z0-9]{8,}|UA-|ca-pub-|6L[a-zA-Z0-9_-]{38})[\w.-]*")
_JWT = regex(r"eyJ[\w-]{6,}\.(eyJ[\w-]{4,})\.[\w-]*")
_PRIVATE_KEY = regex(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----\s*(?:\\n)?[A-Za-z0-9+/=\s\\]{64}")
_DSN = regex(r"\b([a-z][a-z0-9+.-]{1,40})://([^\s:/@?#'\"]{0,128}):([^\s/'\"?#]{1,256})@([^\s/'\"?#]*)")
_TEMPLATE = regex(
    r"\{\{|\$\{|\$\(|%\(\w+\)s|<%|\{[\w.\[\]'\"!:()-]{1,80}\}|\A%s\Z|<[^>]{1,80}>|\A\$[A-Z_]+\Z|\A%\w+%\Z|\A\$[a-z_]+(?:\.\w+)+\Z"
    r"|\A[^\w\s]{1,3}[A-Z]+(?:[-_ ][A-Z]+){0,8}[^\w\s]{1,3}\Z"
)
_PLACEHOLDER = regex(
    r"(?i)(?:change|replace|your|example|placeholder|dummy|insert|todo|fixme|sample|redact|fake|mock|foo|lorem|default"
    r"|insecure|unsafe|not[-_ ]?set|set[-_ ]?me|put[-_ ]|fill[-_ ]?in|(?<![a-z])(?:test|testing|dev|development|local"
    r"|localhost|none|null|undefined|unused|temp|tmp|demo|enter|add|same|value|string|ignored?)(?![a-z]))"
    r"|\A12345\d*:"  # the number of a bot that a documentation makes up
    r"|x{3,}|\*{3,}|\.{3}|…|(.)\1{5,}|0123456789abcdef|fedcba9876543210|(?:deadbeef){2}|JBSWY3DPEHPK3PXP"
)
_DIGITS_FOR_LETTERS = str.maketrans("0134578$@", "oieastbsa")
_TO_CHANGE = regex(r"(?i)(?:change|replace)[-_ ]?(?:this|me|it)")  # Ch4ng3Th1s
_WEAK_WORDS = frozenset(
    "secret secrets key keys password passwd pass passphrase pwd admin administrator root user username guest postgres"
    " postgresql mysql mariadb mongo mongodb redis rabbitmq minio minioadmin test super supersecret superuser my"
    " mysecret the a very jwt token api auth app access private signing session cookie qwerty letmein welcome hello"
    " world abc abcdef"
    " master login service database db sa oracle elastic neo4j secretkey secretpassword mysecretpassword adminpassword"
    " rootpassword apikey mypassword mypass mysecretkey mytoken myapikey userpass userpassword dbpass dbpassword"
    " testpass testpassword strong long random some this is not please".split()
)
_TEXT = regex(
    r"[\s,;]|\A[/.~]|\A[a-z][a-z0-9+.-]*://|\\[dwsSWDbnrt]|\[[^\]]*\]|\(\?|\A\^|\$\Z|\A[\w-]+(?:\.[\w-]+){2,}\Z"
    r"|\A[\w./-]+\.(?:json|pem|key|txt|ya?ml|toml|py|env|html|db|sqlite3?|crt)\Z|\A[a-z]{2,12}:[a-z_]{2,}"
    r"|\A\w+/\w+(?:/|\Z)"
    r"|\A\$2[aby]\$|\A\$argon2"
)
_PART = regex(r"[A-Za-z]*(?:[0-9]{1,2}|v[0-9]+)?|[0-9]{1,4}|[a-z]{2,6}[0-9]{2,4}")
_LOCAL_HOST = regex(
    r"(?:localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[?::1\]?|host\.docker\.internal|[a-z][a-z0-9_-]*)?(?::[\w{}$]+)?"
)


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in small letters, numbers at its end left out."""
    found = [w.lower() for w in _WORD.findall(name)]
    while found and found[-1].isdigit():
        found.pop()
    return tuple(found)


@lru_cache(maxsize=8192)
def names_secret(name: str) -> bool:
    """Whether a name says that it holds a secret: ``JWT_SECRET``, ``apiKey``; not ``token_type``, ``key_id``."""
    found = words_of(name)
    if not found or _NOT & set(found):
        return False
    last = "password" if found[-2:] == ("pass", "word") else found[-1]
    if last == "key":
        return len(found) > 1 and found[-2] in _KEYED
    return last in _HEADS or (last == "pass" and (len(found) > 1 or name in _SPARED))


def names_signing_key(name: str) -> bool:
    """Whether a name says that its value signs or encrypts: ``SECRET_KEY``, ``jwt_secret``."""
    return names_secret(name) and words_of(name)[-2:] in _SIGNING


def provider_of(value: str) -> str | None:
    """Whose key a text holds, by its shape; None when it holds none."""
    if len(value) < SHORTEST or not any(map(value.__contains__, SHAPES)):
        return None
    for label, starts, shape in _PROVIDERS:
        found = min((m for s in starts if (m := _first(value, s, shape))), key=re.Match.start, default=None)
        if found and not _PLACEHOLDER.search(found[0]) and _varied(found[0]):
            return label
    return None


def _first(value: str, start: str, shape: re.Pattern[str]) -> re.Match[str] | None:
    """The first match of a shape at ``start``: a plain search first, since texts may be megabytes of data."""
    at = value.find(start)
    while at >= 0:
        for before in _BEFORE.get(start, (0,)):
            if at >= before and (found := shape.match(value, at - before)):
                return found
        at = value.find(start, at + 1)
    return None


def _varied(key: str) -> bool:
    """Whether a key looks issued: digits among its letters, and not one that only names things."""
    return bool(re.search(r"[0-9]", key[4:])) and len(set(key)) >= 10 and not re.search(r"(?i)1234567|abcdefg", key)


@lru_cache(maxsize=8192)
def kind_of(value: str) -> str:
    """What kind of value a text is; see the module's first lines."""
    if not value.strip():
        return "empty"
    if "PRIVATE KEY" in value and _PRIVATE_KEY.search(value):
        return "private key"
    if provider_of(value):
        return "provider"
    if _PUBLIC.fullmatch(value) or _anonymous(value):
        return "public"
    if "://" in value and _DSN.search(value):
        return "dsn"
    if _TEMPLATE.search(value):
        return "template"
    if _PLACEHOLDER.search(value) or _TO_CHANGE.search(value.translate(_DIGITS_FOR_LETTERS)):
        return "placeholder"
    if _weak(value):
        return "weak"
    if _TEXT.search(value):
        return "text"
    if all(_PART.fullmatch(part) for part in re.split(r"[-_.:+/ ]", value)) and not _hexadecimal(value):
        return "words"
    return "random" if _drawn(value) or _hexadecimal(value) else "chosen" if len(value) >= 6 else "words"


def _drawn(value: str) -> bool:
    """Whether a text looks drawn at random: 20 characters or more, letters and digits, 3.6 bits a character."""
    if len(value) < 20 or not re.search(r"\d", value) or not re.search(r"[A-Za-z]", value):
        return False
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values()) > 3.6


def _hexadecimal(value: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-fA-F]{16,}", value)) and bool(re.search(r"\d", value)) and not value.isdigit()


def _weak(value: str) -> bool:
    lowered = value.lower().strip("!?#@$")
    parts = [p for p in re.split(r"[^a-z]+", lowered) if p]
    digits = re.sub(r"\D", "", lowered)
    if not parts:
        return lowered.isdigit() and (len(lowered) <= 8 or lowered in "12345678901234567890")
    return len(digits) <= 4 and all(p in _WEAK_WORDS for p in parts)


def _anonymous(value: str) -> bool:
    """Whether a signed token says that it is for anybody (Supabase's ``anon`` role)."""
    match = _JWT.fullmatch(value)
    if not match:
        return False
    try:
        claims = json.loads(base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)))
    except (ValueError, binascii.Error):
        return False
    return isinstance(claims, dict) and claims.get("role") == "anon"


@record
class UrlPassword:
    """The telling parts of a URL with a password; ``local``: the host is this machine or a bare service name."""

    scheme: str
    password: str
    host: str
    local: bool


def dsn_password(value: str) -> UrlPassword | None:
    """What a URL with a password says; None when the text is none, or the password is filled in later."""
    match = _DSN.search(value) if "://" in value else None
    if not match or _TEMPLATE.search(match[3]):
        return None
    return UrlPassword(match[1], match[3], match[4], bool(_LOCAL_HOST.fullmatch(match[4])))
