"""Environment variables that a patch makes necessary, and what they are set to while it is tried."""

from __future__ import annotations

import re
from collections.abc import Sequence

from readybook.facts.settings import Variable
from readybook.patterns import regex
from readybook.project import Project
from readybook.records import record
from readybook.verify.applying import Step
from readybook.verify.reaudit import state

PLACEHOLDER = "placeholder-of-readybook-verify-0123456789"  # as long as keys that libraries check for length
_BY_TYPE = (("bool", "true"), ("int", "1"), ("float", "1"), ("Url", "http://localhost/"), ("list", "[]"),
            ("dict", "{}"))
_BY_NAME = (("REDIS.*(?:URL|URI|DSN)", "redis://localhost:6379/0"),
            ("(?:DATABASE|DB|SQL|SQLALCHEMY|POSTGRES|PG).*_(?:URL|URI|DSN)", "sqlite:///./readybook-verify.db"),
            ("_(?:URL|URI|ENDPOINT)$", "http://localhost/"), ("_HOST$", "localhost"), ("_PORT$", "1"))

_STEERS = regex(
    r"(?:PATH|HOME|TMPDIR|TMP|TEMP|SHELL|IFS|ENV|BASH_ENV|LD_.*|DYLD_.*|PYTHON.*|PYTEST.*|GIT_.*)$"
)


@record
class Need:
    """A variable that must be set once a patch is in; ``origin`` says where the value it is tried with comes from."""

    name: str
    value: str
    origin: str


def needs(base: Project, steps: Sequence[Step]) -> dict[int, tuple[Need, ...]]:
    """The variables that each patch of a stack makes necessary, by number; a start with nothing set fails on them."""
    if not steps:
        return {}
    before = _required(base)
    tip = state(base, steps[-1].changes)
    missing = _required(tip).keys() - before.keys()
    found: dict[int, tuple[Need, ...]] = {}
    for step in steps:
        if not missing:
            break
        now = _required(tip if step is steps[-1] else state(base, step.changes))
        own = sorted(missing & now.keys())
        found[step.piece.number] = tuple(_need(now[name], base, tip) for name in own)
        missing = missing - set(own)
    return found


def _required(project: Project) -> dict[str, Variable]:
    return {v.name: v for v in project.facts.variables if v.required and v.name}


def _need(variable: Variable, base: Project, tip: Project) -> Need:
    for dotenv in tip.facts.dotenvs:
        offered = dotenv.get(variable.name) if dotenv.example else None
        if offered is not None and offered.value:
            return Need(variable.name, offered.value, f"the value in {dotenv.path}")
    for old in base.facts.variables:
        if old.name == variable.name and isinstance(old.default, (str, int, float)) and old.default != "":
            return Need(variable.name, str(old.default), "the default it had")
    return Need(variable.name, _made_up(variable), "a made-up value")


def made_up(project: Project) -> dict[str, str]:
    """Values for the variables that the target reads and gives no default: a local file for a database, and so on.

    A field of a settings class whose default is None is off without its variable.
    """
    return {v.name: _made_up(v) for v in project.facts.variables
            if v.name and (v.required or (v.default is None and not v.through))
            and not v.name.startswith(("PYTHON", "LD_"))}


def filled(project: Project) -> dict[str, str]:
    """Example values, and made-up ones for what has none or an empty one that must be filled in."""
    examples, made = examples_of(project), made_up(project)
    return {**made, **{name: value for name, value in examples.items() if value or name not in made}}


def _made_up(variable: Variable) -> str:
    typed = next((value for word, value in _BY_TYPE if word in variable.annotation), "")
    named = next((value for word, value in _BY_NAME if re.search(word, variable.name.upper())), "")
    return named or typed or PLACEHOLDER


def examples_of(project: Project) -> dict[str, str]:
    """What the target's example dotenv files set, nearest to the top last; never a name that steers programs."""
    values: dict[str, str] = {}
    for dotenv in sorted(project.facts.dotenvs, key=lambda d: (-d.path.count("/"), d.path)):
        if dotenv.example:
            for variable in dotenv.variables:
                name, value = variable.name, variable.value
                if not variable.commented_out and "\0" not in value and not _STEERS.match(name.upper()):
                    values[name] = value
    return values
