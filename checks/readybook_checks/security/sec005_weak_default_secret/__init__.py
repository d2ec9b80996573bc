"""SEC005: secrets whose default everybody guesses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from readybook import Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts.comparisons import SAME_TIME, comparisons
from readybook.facts.deployedvariables import set_by_deployment
from readybook.facts.dotenv import example_near
from readybook.facts.nodes import nodes
from readybook.facts.objects import Instance
from readybook.facts.refusals import refused
from readybook.facts.keptliterals import secret_literals
from readybook.facts.secretliterals import SecretLiteral, may_read
from readybook.facts.secretvalues import names_secret, names_signing_key, words_of
from readybook.facts.settings import SettingField
from readybook.facts.values import Unknown, by_default
from readybook.finding import Answer
from readybook.intents import EnsureEnvExample, EnsureImport, Intent, RemoveUnusedImport, ReplaceDefault
from readybook.patterns import regex
from readybook.place import Place
from readybook_checks.security.sec004_hardcoded_secret.curing import cure, used_in_class
from readybook_checks.security.sec005_weak_default_secret.accepted import accepted_codes
from readybook_checks.security.sec005_weak_default_secret.reading import is_idle
from readybook_checks.security.sec005_weak_default_secret.examples import EXAMPLES

# value = getattr(settings, name), then an error where it is empty
REQUIRING = regex(r"(\w+) = getattr\([\w.]+, \w+(?:, [^()\n]*)?\)\n\s+if not \1:\n(?:[^\n]*\n){0,3}?\s+raise ")
GENERATED = regex(r"secrets\.(?:token_|choice)|uuid\.uuid4|os\.urandom|random\.|get_random_|Fernet\.generate_key")
# what a store in a container of its own takes for its password
STORES = frozenset(
    "postgres postgresql pg mysql mariadb mongo mongodb redis rabbitmq amqp db database sql neo4j elastic elasticsearch"
    " minio celery broker mssql oracle clickhouse".split())
# what the service itself lets in: nobody else gives these out
OWN = frozenset(
    "admin superuser super root first initial default user internal service api app application auth jwt session"
    " sessions webhook secret signing encryption master basic access refresh csrf cookie docs metrics key token"
    " password pass pwd passwd security test hash salt magic reset verify verification demo".split())
# what somebody else gives out, or checks: sign-in with another service, object storage
FOREIGN = frozenset(
    "client oauth oidc sso google github gitlab keycloak auth0 okta azure microsoft facebook apple discord twitter"
    " slack stripe paypal twilio captcha recaptcha turnstile storage bucket s3 aws r2 oss cos gcs minio".split())
# what says nothing of what a secret opens: the class around it does, QueueSettings.password
BARE = frozenset("password passwd pass pwd secret key token api".split())
HOLDER = regex(r"(?i)(?:settings?|config(?:uration)?|options|env(?:ironment)?)$")
ENCRYPTS = frozenset("encryption encrypt fernet cipher crypt".split())
STAGES = frozenset({"test", "tests", "testing", "dev", "development", "local"})
TESTS = (["test"], ["tests"], ["testing"])  # TEST_DB_PASSWORD: no service reads it
LENGTH = 32  # characters of a signing key
MINIMUM = f"Field(..., min_length={LENGTH})"
SHORT = f"; it fails, too, where the key has less than {LENGTH} characters"
WORSE = {"high": "medium", "medium": "low", "low": "low"}


class WeakDefaultSecret(Check):
    """Where nobody sets the secret, the service starts with one that everybody guesses.

    Looked at: defaults of settings fields and fallbacks of environment reads whose names hold secrets of the service
    itself, signing keys, passwords of its users, its own API keys and the passwords of its stores: placeholders and
    common words, an empty signing key, and keys that are made anew at each start, which differ between workers and sign
    everybody out. Keys of other companies are left alone: a placeholder there opens nothing; so are what tests read,
    by its name, and the password of a store that no code connects to, one of several that a template offers. A
    validator that refuses the default is right. Graded down where a file of the deployment sets the variable. Literals
    that look real belong to SEC004.

    Fix: the default goes, so that the start fails without the variable; signing keys get a minimum length, unless a
    dotenv file here sets a shorter one.
    """

    id = "SEC005"
    name = "weak-default-secret"
    category = "security"
    severity = "high"
    hours = Hours(0.5, 1, 2, each=0.25)
    fix_kinds = ("codemod", "advice")
    suppressed_by = ("SEC004",)
    references = ("https://cwe.mitre.org/data/definitions/1392.html",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each weak default; a Right for each secret that is required or whose default is refused."""
        fields = {(f.place.path, f.place.line): f for c in project.facts.settings_classes for f in c.every
                  if not _staged(c.path) and words_of(f.name)[:1] not in TESTS}
        staged = {(f.place.path, f.place.line) for c in project.facts.settings_classes for f in c.every} - {*fields}
        answers = [*_literals(project, fields, staged), *_others(project, fields)]
        taken = {(p.path, p.line) for a in answers if (p := a.place) is not None}
        codes = {(a.place.path, a.place.line): a for a in accepted_codes(project) if a.place is not None}
        answers += [a for at, a in codes.items() if at not in taken]
        taken |= codes.keys()
        yield from answers
        for variable in project.facts.variables:
            at = (variable.place.path, variable.place.line)
            if variable.required and at not in taken and (variable.secret or names_secret(variable.name)):
                taken.add(at)
                yield Right(variable.place, f"{variable.name} is required")
        if not taken:
            yield NotApplicable("no secret of the service has a default, or is read")


def _staged(path: str) -> bool:
    """Whether a settings class is one for tests or developers: by a word of its own name or of its module's."""
    module, _, name = path.rpartition(".")
    return bool(STAGES & {*words_of(name), *words_of(module.rpartition(".")[2])})


def _signs(name: str) -> bool:
    """Whether a name is a key that the service itself signs with; an OAuth client's secret only signs it in."""
    return names_signing_key(name) and not FOREIGN & set(words_of(name))


def _literals(project: Project, fields: dict[tuple[str, int], SettingField], staged: set[tuple[str, int]],
              ) -> Iterator[Finding | Right]:
    """Defaults and fallbacks that are text."""
    settings = {path for path, _ in fields}
    for module in project.facts.modules.by_path.values():
        if module.role != "application" or module.path not in settings and not may_read(module):
            continue
        for literal in secret_literals(module):
            at = (literal.holder.path, literal.holder.line)
            field = fields.get(at)
            if literal.kind not in ("weak", "placeholder") or at in staged or (
                    field is None and literal.context != "fallback"):
                continue
            name = field.env if field is not None else literal.variable or literal.name
            severity = grade(_meant(literal.name or name, name, literal.holder), literal.kind)
            if severity and not (field is not None and STORES & {*words_of(name)} and is_idle(project, field)):
                yield _judged(project, literal, field, name, severity)


def _judged(project: Project, literal: SecretLiteral, field: SettingField | None, name: str, severity: str,
            ) -> Finding | Right:
    names = (literal.target, literal.variable, literal.name, field.name if field else "")
    guard = refused(project.facts.modules.by_path.values(), names, literal.value)
    if guard is not None:
        return Right(guard, f"the default of {name} is refused here")
    fed = set_by_deployment(project.facts, name)
    fix = cure(project, literal, field)
    if field is not None and names_signing_key(field.name) and not _short_here(project, field.env):
        fix = _with_minimum(project, fix)
    what = "a placeholder" if literal.kind == "placeholder" else "a common word"
    effect = _passed(project, literal, field) or _effect(_meant(literal.name or name, name, literal.holder))
    return Finding(literal.place, f"{name} defaults to {what}: {effect}.",
                   WORSE[severity] if fed else severity, confidence="medium", fix=fix, chain=(fed,) if fed else ())


def grade(name: str, kind: str) -> str:
    """How bad a guessed value of this name is; empty for keys that another company gives out."""
    words = set(words_of(name))
    if words & STORES:
        return "low"
    if _signs(name) or words <= OWN:
        return "high"
    last = words_of(name)[-1:]
    return "medium" if kind == "weak" and last and last[0] in ("password", "passwd", "pwd", "secret") and not (
        words & FOREIGN or words & {"smtp", "mail", "email"}) else ""


def _meant(written: str, variable: str, holder: Place) -> str:
    """The name that says what a secret opens: its own, or with the class's and the variable's where it says nothing."""
    if not set(words_of(written)) <= BARE:
        return written
    around = HOLDER.sub("", holder.symbol.rpartition(".")[2])
    return "_".join((*words_of(around), *words_of(variable)))


def _effect(name: str) -> str:
    words = set(words_of(name))
    if words & STORES and not words & ENCRYPTS:
        return "where it is unset, whoever reaches the store is in"
    if words & ENCRYPTS:
        return "where it is unset, whoever gets at what it encrypts can read it"
    if _signs(name):
        return "where it is unset, anybody can make what is signed with it, or pass where it is asked for"
    return f"where it is unset, {'anybody can come in with it' if words <= OWN else 'everybody guesses it'}"


def _passed(project: Project, literal: SecretLiteral, field: SettingField | None) -> str:
    """What a secret opens that code compares with what somebody brings, with the place; empty where none does."""
    name = field.name if field is not None else literal.target
    if not name:
        return ""
    facts = project.facts
    sides = [(i.place, (i.left, i.right)) for i in comparisons(facts.behaviour)]
    sides += [(c.place, tuple(nodes(c.site.node[4]))) for c in facts.behaviour.calls_to(*SAME_TIME)]
    for place, compared in sides:
        inside = field is not None or place.path == literal.place.path
        if inside and any(side[0] in ("name", "attr") and side[-1] == name for side in compared):
            return f"where it is unset, anybody passes the comparison at {place}"
    return ""


def _with_minimum(project: Project, fix: Fix) -> Fix:
    """The field asks for 32 characters instead of for any text."""
    intents: list[Intent] = []
    for intent in fix.intents:
        if isinstance(intent, ReplaceDefault) and intent.value is None and _plain(project, intent.place):
            intents += [replace(intent, value=MINIMUM), EnsureImport(intent.place.path, "pydantic", "Field")]
        else:
            intents.append(intent)
    shorter = any(getattr(intent, "value", None) == MINIMUM for intent in intents)
    return replace(fix, intents=tuple(intents), reason=f"{fix.reason}{SHORT * shorter}")


def _plain(project: Project, place: Place) -> bool:
    """Whether a field is given its default directly, on one line."""
    line = project.text(place.path).split("\n")[place.line - 1]
    return "Field(" not in line and line.count("(") == line.count(")")


def _others(project: Project, fields: dict[tuple[str, int], SettingField]) -> Iterator[Finding]:
    """Signing keys that are empty by default, or made anew at each start."""
    for field in fields.values():
        if not names_secret(field.name) or isinstance(field.default, Unknown):
            continue
        value = by_default(field.default)
        made = isinstance(value, Instance) and GENERATED.match(value.path)
        empty = value == "" and _signs(field.name)
        if not made and not (empty and not _asked(project, field) and not is_idle(project, field)):
            continue
        fed = set_by_deployment(project.facts, field.env)
        workers = max((c.workers or 1 for c in project.facts.serve_commands if c.purpose == "deploy"), default=1)
        if made:
            who = f"each of the {workers} processes makes its own" if workers > 1 else "each start makes a new one"
            message = f"Where {field.env} is unset, {who}: what one signs the next refuses, users are signed out."
        else:
            message = f"{field.env} is empty by default: {_effect(_meant(field.name, field.env, field.place))}."
        severity = "medium" if made else "high"
        yield Finding(field.place, message, WORSE[severity] if fed else severity, confidence="medium",
                      fix=_required(project, field), chain=(fed,) if fed else ())


def _asked(project: Project, field: SettingField) -> bool:
    """Whether code asks if the field holds anything, or takes another value where it holds none."""
    name = re.escape(field.name)
    asked = re.compile(rf"\bnot\s+(?:\w+\.){{0,3}}{name}\b|\bif\s+(?:\w+\.){{0,3}}{name}\s*:|"
                       rf"\.{name}\s+or\s+[A-Za-z_]")
    texts = [m.text for m in project.facts.modules.by_path.values() if m.role == "application"]
    if any(field.name in text and asked.search(text) for text in texts):
        return True
    by_name = re.compile(rf"\(\s*[\"']{name}[\"']")  # require("signing_secret"), which raises where there is none
    return any(REQUIRING.search(t) for t in texts) and any(field.name in t and by_name.search(t) for t in texts)


def _required(project: Project, field: SettingField) -> Fix:
    if used_in_class(project, field):
        return advice(f"Require {field.env}", f"the class itself goes on with {field.name}, which must be set there")
    path = field.place.path
    long = names_signing_key(field.name) and field.annotation and not _short_here(project, field.env)
    value = MINIMUM if long and _simple(project, field) else None
    intents: list[Intent] = [ReplaceDefault(field.place, field.name, value, None if field.annotation else "str"),
                             RemoveUnusedImport(path, "secrets")]
    if value:
        intents.append(EnsureImport(path, "pydantic", "Field"))
    example = example_near((d for d in project.facts.dotenvs if d.example), path, project.facts.modules.by_path)
    if example and field.env.lower() not in {name.lower() for name in example.names}:
        intents.append(EnsureEnvExample(example.path, field.env, "", "secret, required"))
    return Fix(f"Require {field.env}", tuple(intents), safety="review",
               reason="the start fails where the variable is not set, so set it first, the same for all processes"
               + SHORT * bool(value))


def _short_here(project: Project, variable: str) -> bool:
    """Whether a dotenv file of the project sets a shorter key: with a minimum the service would not start by it."""
    given = [d.get(variable) for d in project.facts.dotenvs if not d.example]
    return any(v is not None and 0 < len(v.value) < LENGTH for v in given)


def _simple(project: Project, field: SettingField) -> bool:
    return "Field(" not in project.text(field.place.path).split("\n")[field.place.line - 1]
