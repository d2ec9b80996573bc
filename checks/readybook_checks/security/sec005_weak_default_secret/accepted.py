"""Codes that are accepted as anybody's, by a default that everybody guesses."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Finding, Project, advice
from readybook.facts.comparisons import Comparison, comparisons
from readybook.facts.deployedvariables import set_by_deployment
from readybook.facts.secretvalues import kind_of
from readybook.facts.values import FromEnv
from readybook.patterns import regex

CODE = regex(r"(?i)(?:^|_)(?:otp|totp|pin_?code|one_?time_?code|"
             r"(?:verification|login|sms|mfa|two_?factor|bypass|master)_?(?:otp|code))$")
# what a function asks before it takes a code that only developers are to have
BEHIND = regex(r"(?i)debug|environment|app_env|is_?dev|dev_?mode|development|testing|\blocal\b|production")
FIX = advice("Take the code only where the environment is one of developers, and give it no default",
             "which environments may take it is for a person to say")


def accepted_codes(project: Project) -> Iterator[Finding]:
    """A finding for each one-time code of a setting with a weak default that a request's code is compared with."""
    facts = project.facts
    for item in comparisons(facts.behaviour):
        for own, given in ((item.left, item.right), (item.right, item.left)):
            if own[0] not in ("name", "attr") or not CODE.search(str(own[-1])):
                continue
            value = facts.origins.value_of(own, item.scope)
            weak = isinstance(value, FromEnv) and isinstance(value.default, str) and kind_of(value.default) in (
                "weak", "placeholder")
            if not weak or _behind(item) or all(o.kind != "request" for o in facts.origins.traced(given, item.scope)):
                continue
            given_weak = [d.get(value.name) for d in facts.dotenvs if value.name in d.names]
            as_weak = any(one is not None and kind_of(one.value) == "weak" for one in given_weak)
            fed = None if as_weak else set_by_deployment(facts, value.name)
            yield Finding(
                value.place or item.place, f"{value.name} has a default that everybody guesses, and {item.place} takes "
                "it for anybody's code: where it is unset, whoever knows a user's name or number comes in as them.",
                "medium" if fed else "high", confidence="medium", fix=FIX, chain=(fed,) if fed else ())


def _behind(item: Comparison) -> bool:
    """Whether the function around a comparison asks where it runs."""
    function = item.scope.function
    node = function.node if function is not None else item.node
    return BEHIND.search(item.scope.module.lines_of(node[1], node[3])) is not None
