"""The variables with which the service starts: as in production where it comes up so, with stores where there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from readybook.patterns import regex
from readybook.probe.addresses import values
from readybook.probe.stores import Store
from readybook.project import Project
from readybook.verify.needs import examples_of, filled

_ENVIRONMENT = regex(r"(?:^|.*_)(?:ENV|ENVIRONMENT|STAGE|APP_?ENV|DEPLOYMENT)$")
_DEBUG = regex(r"(?:^|.*_)DEBUG$")
_HOSTS = regex(r"(?:ALLOWED|TRUSTED)_?HOSTS?$")
_WORDS = ("production", "prod")


def candidates(project: Project, stores: Sequence[Store], given: Mapping[str, str]) -> list[dict[str, str]]:
    """Variables to start with, best first: production, example values, made-up ones; stores and ``given`` win."""
    fixed = {**values(project, stores), **given}
    examples = examples_of(project)
    rest = filled(project)
    found = []
    for production in (production_values(project), {}):
        for base in ({}, examples, rest, *({**rest, **hosts} for hosts in _hosts(project))):
            made = {**base, **production, **fixed}
            if made not in found:
                found.append(made)
    return found


def _hosts(project: Project) -> list[dict[str, str]]:
    """Hosts to be asked by, as a list by comma and as JSON, where the service wants to be told which it has."""
    names = [v.name for v in project.facts.variables if _HOSTS.search(v.name.upper())]
    return [dict.fromkeys(names, text) for text in ("localhost,127.0.0.1", '["localhost", "127.0.0.1"]')] * bool(names)


def production_values(project: Project) -> dict[str, str]:
    """The variables that say which environment this is, set to production."""
    found = {}
    for variable in project.facts.variables:
        name = variable.name.upper()
        if _ENVIRONMENT.match(name):
            found[variable.name] = next((word for word in _WORDS if word in variable.annotation), _WORDS[0])
        elif _DEBUG.match(name):
            found[variable.name] = "false"
    return found


def is_production(project: Project, set_: Mapping[str, str]) -> bool:
    """Whether the service was told that this is production, or has no variable to be told by."""
    return production_values(project).items() <= set_.items()
