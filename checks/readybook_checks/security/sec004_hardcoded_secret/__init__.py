"""SEC004: secrets written into the code."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Check, Finding, Hours, NotApplicable, Right, advice
from readybook.facts.closure import pulled_in
from readybook.facts.refusals import refused
from readybook.facts.keptliterals import secret_literals
from readybook.facts.secretliterals import SecretLiteral
from readybook.facts.secretvalues import names_secret
from readybook.facts.settings import SettingField
from readybook.facts.signing import Signing, signing_keys
from readybook.finding import Answer
from readybook.place import Place
from readybook.project import Project
from readybook_checks.devops.ops005_print_logging import is_standalone
from readybook_checks.security.sec004_hardcoded_secret.addressed import addressed_passwords
from readybook_checks.security.sec004_hardcoded_secret.curing import cure
from readybook_checks.security.sec004_hardcoded_secret.examples import EXAMPLES
from readybook_checks.security.sec004_hardcoded_secret.judging import judge, may_sign, stands_in
from readybook_checks.security.sec004_hardcoded_secret.shipped import shipped_secrets

_KEEP_OUT = advice("See to it that production never goes on with it", "where it is used is for a person to judge")


class HardcodedSecret(Check):
    """A secret is written into the code, where everybody who can read the repository has it.

    Whoever has the repository, or a copy or a backup of it, can sign in, pay or read as the service may, and keeps that
    power until the secret is replaced; taking it out of the last commit does not take it out of the history.

    Looked at: literals beside names that hold secrets (variables, fields, arguments, mappings, parameters, comparisons,
    fallbacks of environment reads), keys handed to token, cookie and MAC libraries through the project's own functions,
    URLs with a password for another machine, and keys whose shape a provider gave them, in application code and in the
    configuration that ships with it. The value is never shown in full.

    A default or fallback that signs tokens counts whatever it says, ``"change_this"`` too, unless a validator refuses
    it: where the variable is unset, anybody who knows the text signs in as anybody. Other weak defaults and
    placeholders belong to SEC005. Tests, examples, documentation, publishable keys and names of things (headers,
    fields, enum members) are left alone, but for a password that a test or a script hands over beside a public IP
    address; dotenv, compose and Kubernetes files have checks of their own.

    Fix: the value comes from a required setting or variable, the start fails without it, and a person gives out a new
    one: the old one stays in the history.
    """

    id = "SEC004"
    name = "hardcoded-secret"
    category = "security"
    severity = "critical"
    hours = Hours(0.5, 1, 2, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://cwe.mitre.org/data/definitions/798.html", "https://12factor.net/config",
                  "https://docs.pydantic.dev/latest/concepts/pydantic_settings/")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each literal; a Right for each secret that is read from outside when there is no literal."""
        answers = [*_answers(project), *shipped_secrets(project), *addressed_passwords(project)]
        findings = [a for a in answers if isinstance(a, Finding)]
        if findings:
            yield from findings
            return
        yield from answers
        yield from _rights(project, {a.place for a in answers})


def _answers(project: Project) -> Iterator[Finding | Right]:
    """A finding for each literal that is a secret; a Right where one is refused before it can do harm."""
    facts = project.facts
    signing, written = signing_keys(facts.behaviour)
    values = {s.value for s in signing if s.value}
    fields = {(f.place.path, f.place.line): f for c in facts.settings_classes for f in c.every}
    for module in facts.modules.by_path.values():
        if module.role not in ("application", "script", "migration") or _supports_tests(project, module.path):
            continue
        keys = {(w.line, w.column): w.callee for w in written if w.path == module.path}
        literals = secret_literals(module, values, keys)
        defaults = {(name.lower(), one.value) for one in literals if one.context in ("fallback", "parameter")
                    for name in (one.name, one.target, one.variable)}
        for literal in literals:
            if literal.context == "compared" and (literal.name.lower(), literal.value) in defaults:
                continue  # asks whether the default is still there, which is told where it stands
            field = fields.get((literal.holder.path, literal.holder.line))
            signs = _signing(literal, field, signing) if module.role == "application" else None
            verdict = judge(literal, signs, field, module.role)
            if verdict is None or verdict.severity != "critical" and _beside(project, literal):
                continue
            guard = _guard(project, literal, field)
            if guard is not None:
                yield Right(guard, f"the literal in {literal.name} is refused here")
                continue
            chain = (signs.place,) if signs and signs.place != literal.place else ()
            meant = stands_in(literal)  # every start would ask for what only developers need
            fix = _KEEP_OUT if meant else cure(project, literal, field)
            yield Finding(literal.place, verdict.message, "medium" if meant else verdict.severity,
                          confidence=verdict.confidence, fix=fix, chain=chain)


def _supports_tests(project: Project, path: str) -> bool:
    """Whether a file lies in a folder called testing and no application loads it: the tests' own tools."""
    if "/testing/" not in f"/{path}":
        return False
    facts = project.facts
    return not any(path in pulled_in(facts.modules, app.place.path) for app in facts.apps)


def _beside(project: Project, literal: SecretLiteral) -> bool:
    """Whether a file is no part of the service: a program of its own, or data for one, that nothing imports."""
    path, facts = literal.place.path, project.facts
    if is_standalone(project, path):
        return True
    if literal.context not in ("argument", "entry") or not facts.apps or path in facts.program.everything.imported:
        return False
    served = {a.imported.partition(":")[0] for a in facts.apps} | {t.place.path for t in (*facts.apps, *facts.routes)}
    return not {path, facts.modules.by_path[path].name} & served


def _guard(project: Project, literal: SecretLiteral, field: SettingField | None) -> Place | None:
    """Where code refuses to run with a default, a fallback or a constant of a module, None when nothing does."""
    constant = literal.context == "assigned" and not literal.place.symbol
    if field is None and literal.context != "fallback" and not constant:
        return None
    names = (literal.target, literal.variable, literal.name)
    return refused(project.facts.modules.by_path.values(), names, literal.value)


def _signing(literal: SecretLiteral, field: SettingField | None, signing: tuple[Signing, ...]) -> Signing | None:
    """The signing call that a literal reaches: as the default of its variable, else by its value."""
    lines = {literal.holder.line, literal.place.line}
    for one in signing:
        if one.origin is not None and one.origin.path == literal.place.path and one.origin.line in lines:
            return one
    if field is None and not may_sign(literal) or literal.context == "compared":
        return None  # what a key is compared with is what it is not to be, or what passes
    # a field of settings that holds the same text as the one that signs
    # or a fallback that another variable has, too
    others = {(one.callee, one.place) for one in signing if one.origin is not None} if field is not None else set()
    if literal.context == "fallback" and literal.variable:
        read = {(one.callee, one.place) for one in signing if one.variable.lower() == literal.variable.lower()}
        others |= {(one.callee, one.place) for one in signing if one.variable} - read
    same = [one for one in signing if one.value == literal.value and (one.callee, one.place) not in others]
    here = [one for one in same if one.place.path == literal.place.path]
    if not here:
        return same[0] if same else None
    line = literal.place.line  # one text may be the key of several calls: the next one that this literal can reach
    return min(here, key=lambda one: (one.place.line < line, abs(one.place.line - line)))


def _rights(project: Project, taken: set[Place]) -> Iterator[Answer]:
    """The secrets that come from the environment, without a literal that would do in their place."""
    found = False
    for variable in project.facts.variables:
        if (variable.secret or names_secret(variable.name)) and variable.place not in taken:
            found = True
            yield Right(variable.place, f"{variable.name} comes from the environment")
    if not found and not taken:
        yield NotApplicable("the code names no secret")
