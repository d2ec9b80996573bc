"""Where scaffolds find Redis: the address in the project's settings, and the release of its client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from readybook import Project
from readybook.facts.compose import ComposeService
from readybook.facts.program import App
from readybook.facts.redisclients import possible_releases
from readybook.intents import EnsureComposeVariable, EnsureRequirement, EnsureSetting, Intent
from readybook.patterns import regex

ADDRESS = regex(r"(?i)redis_?(?:url|uri|dsn)")
IMAGE = regex(r"(?:^|/)(?:redis|redis-stack|valkey|dragonfly)(?:-server)?$")
ACCESS = {"str": "{}", "SecretStr": "{}.get_secret_value()", "RedisDsn": "str({})"}


def redis_address(project: Project, wanted: EnsureSetting) -> tuple[str, tuple[Intent, ...]]:
    """The expression for the address of Redis, and ``wanted`` when the project has no setting for one.

    The default of ``wanted`` is right on a developer's machine. Where compose runs the service beside a Redis, the
    service gets the address that is right there.
    """
    for cls in project.facts.settings_classes:
        for f in cls.fields:
            if ADDRESS.fullmatch(f.name) and f.annotation in ACCESS and f.default is not None:
                return ACCESS[f.annotation].format(f"{{setting:{f.name}}}"), ()
    return f"{{setting:{wanted.name}}}", (wanted, *_in_compose(project, wanted))


def compose_redis(services: Iterable[ComposeService], path: str) -> ComposeService | None:
    """The Redis of a compose file."""
    return next((s for s in services if s.path == path and s.image is not None and IMAGE.search(s.image.name)), None)


def _in_compose(project: Project, wanted: EnsureSetting) -> Iterator[EnsureComposeVariable]:
    """The variable for each deployed service that has a Redis without a password beside it."""
    facts = project.facts
    if any(f.env != f.name.upper() for cls in facts.settings_classes for f in cls.fields):
        return  # names of variables follow a rule of the project's own
    served = (s.service for image in facts.served_images for s in image.services)
    for service in {(s.path, s.name): s for s in served if not s.development}.values():
        redis = compose_redis(facts.compose_services, service.path)
        if redis is None or _asks_password(redis) or not _one_below_the_other(project, service):
            continue
        number = wanted.default.rpartition("/")[2].strip("\"")
        yield EnsureComposeVariable(service.path, service.name, wanted.env, f"redis://{redis.name}:6379/{number}")


def _asks_password(redis: ComposeService) -> bool:
    words = (*(redis.command or ()), *(redis.entrypoint or ()), *(v.name for v in redis.environment))
    return any(re.search(r"(?i)requirepass|password", word) for word in words)


def _one_below_the_other(project: Project, service: ComposeService) -> bool:
    """Whether the service has an environment of its own, an entry a line, that a new one can follow, or none at all."""
    lines = project.text(service.path).split("\n")
    entries = [(v.place.line, lines[v.place.line - 1]) for v in service.environment]
    return all(number > service.place.line and re.match(r"[ \t]*(?:- )?[\"']?\w+[\"']?[ \t]*(?:[:=]|$)", line)
               and "environment" not in line for number, line in entries)


def old_redis(project: Project, app: App) -> bool:
    """Whether the project is held to a release of redis-py before 5.2."""
    exact = project.facts.release("redis", app.place.path)
    releases = possible_releases(project.facts, "redis", app.place.path)
    highest = releases[1] if releases else None
    return exact < (5, 2) if exact is not None else highest is not None and highest < 5


def redis_requirement(project: Project) -> tuple[EnsureRequirement, ...]:
    """The client's requirement, where the project declares none."""
    return () if project.facts.packages.declares("redis") else (EnsureRequirement("redis", ">=5.2,<9"),)
