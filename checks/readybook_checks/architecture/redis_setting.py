"""Where scaffolds find Redis: the address in the project's settings, and the release of its client."""

from __future__ import annotations

import re

from readybook import Project
from readybook.facts.program import App
from readybook.facts.redisclients import possible_releases
from readybook.intents import EnsureRequirement, EnsureSetting

ADDRESS = re.compile(r"(?i)redis_?(?:url|uri|dsn)")
ACCESS = {"str": "{}", "SecretStr": "{}.get_secret_value()", "RedisDsn": "str({})"}


def redis_address(project: Project, wanted: EnsureSetting) -> tuple[str, tuple[EnsureSetting, ...]]:
    """The expression for the address of Redis, and ``wanted`` when the project has no setting for one."""
    for cls in project.facts.settings_classes:
        for f in cls.fields:
            if ADDRESS.fullmatch(f.name) and f.annotation in ACCESS and f.default is not None:
                return ACCESS[f.annotation].format(f"{{setting:{f.name}}}"), ()
    return f"{{setting:{wanted.name}}}", (wanted,)


def old_redis(project: Project, app: App) -> bool:
    """Whether the project is held to a release of redis-py before 5.2."""
    exact = project.facts.release("redis", app.place.path)
    releases = possible_releases(project.facts, "redis", app.place.path)
    highest = releases[1] if releases else None
    return exact < (5, 2) if exact is not None else highest is not None and highest < 5


def redis_requirement(project: Project) -> tuple[EnsureRequirement, ...]:
    """The client's requirement, where the project declares none."""
    return () if project.facts.packages.declares("redis") else (EnsureRequirement("redis", ">=5.2,<9"),)
