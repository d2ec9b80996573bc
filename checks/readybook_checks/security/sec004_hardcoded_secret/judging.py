"""Which literals are secrets, how grave each is, and what to say of it."""

from __future__ import annotations

import re
from dataclasses import replace

from readybook.facts.secretliterals import SecretLiteral
from readybook.facts.secretvalues import dsn_password, kind_of, names_secret, names_signing_key, provider_of, words_of
from readybook.facts.settings import SettingField
from readybook.facts.signing import Signing
from readybook.masking import hide
from readybook.patterns import regex
from readybook.records import record

_GRADES = {"Stripe test key": "medium", "Google API key": "high"}
_STAGED = regex(
    r"(?i)(?:^|[/_-])(?:tests?|mocks?|fakes?|stubs?|demos?|samples?|fixtures?|factor(?:y|ies))(?=[_./-])"
)
# what a MAC with a known key only keeps from being mistaken, or gives to everybody who asks: nobody signs in with it
_HARMLESS = regex(r"(?i)cursor|pagination|etag|checksum|cache|challenge")
# a delivery that somebody tries out, signed with what is at hand
_TRIED = regex(r"(?:^|\.)test_\w+$")
_DEVELOPERS = regex(r"(?:Dev|Development|Local|Test|Testing)(?:[A-Z]\w*)?(?:\.|$)")
_RESERVED_HOST = regex(
    r"(?i)(?:^|\.)(?:example|test|invalid)(?:\.|:|$)|^(?:host|hostname|server|your.*|my.*)(?:[:.]|$)"
)


@record
class Verdict:
    """A literal that is a secret."""

    severity: str
    confidence: str
    message: str


def may_sign(literal: SecretLiteral) -> bool:
    """Whether a literal equal to a key that signs is that key: its name, or where it stands, says so."""
    telling = {"key", "secret", "salt", "jwt", "sign"} & set(words_of(literal.name))
    return bool(literal.callee and literal.context == "argument") or names_secret(literal.name) or bool(
        telling and literal.context in ("assigned", "fallback", "parameter"))


def judge(literal: SecretLiteral, signs: Signing | None, field: SettingField | None, role: str) -> Verdict | None:
    """The verdict on a literal; None when it is no secret, or a weak one that SEC005 tells of."""
    if literal.kind in ("provider", "private key"):
        return None if is_public(literal.name, literal.value) else _shaped(literal)
    if literal.kind in ("template", "empty", "public") or role != "application":
        return None
    default = field is not None or literal.context == "fallback"
    if signs is not None and signs.callee.startswith("hmac.") and (
            _HARMLESS.search(literal.place.symbol) or _TRIED.search(literal.place.symbol)):
        return None
    if signs is not None:
        verdict = _signing(literal, signs, field, default)
        developers = field is not None and _DEVELOPERS.match(literal.place.symbol)
        return replace(verdict, severity="medium") if developers and literal.kind != "random" else verdict
    if literal.kind == "dsn":
        return _dsn(literal)
    if not names_secret(literal.name):
        return None
    if literal.kind == "random":
        return _named(literal, field, "critical", "high")
    if literal.kind == "chosen" and not _STAGED.search(literal.place.path):
        return _named(literal, field, "high" if default else "critical", "medium")
    if literal.kind == "weak" and not default and re.search(r"\d", literal.value) and words_of(literal.name)[-1] in (
            "password", "passwd", "pwd") and not _STAGED.search(literal.place.path):
        return _named(literal, field, "critical" if literal.context == "compared" else "high", "medium")
    if literal.kind == "words" and _known_key(literal, default):
        return _named(literal, field, "high", "medium")
    return None


def is_public(name: str, value: str) -> bool:
    """Whether a name says that a key of Google, which gives out keys for web pages too, is one for everybody."""
    return provider_of(value) == "Google API key" and "public" in words_of(name)


def stands_in(literal: SecretLiteral) -> bool:
    """Whether a constant's name says that it stands in for the secret, in tests and on a developer's machine."""
    stages = {"local", "test", "tests", "testing", "dev"} & set(words_of(literal.name))
    return literal.context == "assigned" and len(stages & {"test", "tests", "testing"}) < len(stages) and bool(
        {"fallback", "default", "test", "tests", "testing", "only"} & set(words_of(literal.name)))


def _known_key(literal: SecretLiteral, default: bool) -> bool:
    """Whether a plain word is a signing key: a constant, field or fallback of that name, and not the name once more."""
    held = default or literal.in_class or (literal.context == "assigned" and literal.target.isupper())
    return held and names_signing_key(literal.name) and not set(words_of(literal.name)) & set(words_of(literal.value))


def _shaped(literal: SecretLiteral) -> Verdict:
    if literal.kind == "private key":
        message = f"A private key is in the code{_beside(literal)}: whoever reads the repository has it."
        return Verdict("critical", "high", message)
    label = provider_of(literal.value) or "key"
    article = "An" if label[0] in "AEIOU" else "A"
    return Verdict(_GRADES.get(label, "critical"), "high",
                   f"{article} {label} is in the code{_beside(literal)}: whoever reads the repository can use it.")


def _signing(literal: SecretLiteral, signs: Signing, field: SettingField | None, default: bool) -> Verdict:
    known = literal.kind == "random"
    where = f"{signs.callee} at {signs.place}"
    if default:
        variable = field.env if field is not None else literal.variable
        message = (f"Where {variable} is unset, {where} uses {_shown(literal)} as its key: whoever reads the"
                   " repository can forge what it signs.")
        return Verdict("critical" if known else "high", "high", message)
    return Verdict("critical", "high", f"{literal.name or 'The key'} is {_shown(literal)} and the key of"
                   f" {where}: whoever reads the repository can forge what it signs.")


def _dsn(literal: SecretLiteral) -> Verdict | None:
    parts = dsn_password(literal.value)
    if parts is None or _RESERVED_HOST.search(parts.host) or literal.value.count("{"):
        return None
    password = kind_of(parts.password)
    if password in ("placeholder", "template", "empty"):
        return None
    if not parts.local:
        message = f"carries the password for {parts.host}: whoever reads the repository can connect."
        return Verdict("critical", "high", f"A {parts.scheme} URL{_beside(literal)} {message}")
    if password in ("random", "chosen"):
        message = f"carries a password that looks real, for {parts.host or 'this machine'}."
        return Verdict("medium", "medium", f"A {parts.scheme} URL{_beside(literal)} {message}")
    return None


def _named(literal: SecretLiteral, field: SettingField | None, severity: str, confidence: str) -> Verdict:
    shown = _shown(literal)
    if literal.context == "compared":
        message = f"{literal.name} is compared with {shown}: whoever reads the repository knows what passes."
    elif literal.context == "fallback":
        message = f"{literal.variable} falls back to {shown}, which everybody who reads the repository has."
    elif field is not None:
        message = f"{field.env} defaults to {shown}, which everybody who reads the repository has."
    else:
        given = f" given to {literal.callee}()" if literal.context == "argument" and literal.callee else ""
        message = f"{literal.name}{given} is {shown}, which everybody who reads the repository has."
    return Verdict(severity, confidence, message)


def _shown(literal: SecretLiteral) -> str:
    start = hide(literal.value)
    return f"the literal {start!r}" if len(start) > 1 else "a literal"


def _beside(literal: SecretLiteral) -> str:
    return f", as {literal.name}" if literal.name else ""
