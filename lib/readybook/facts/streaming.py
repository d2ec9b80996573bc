"""Answers that are sent piece by piece: where they are made, and which of them are server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readybook.facts.values import by_default
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call

_EVENTS = regex(r"(?:[\w.]+\.)?EventSourceResponse")


def is_stream(path: str) -> bool:
    """Whether a dotted name is that of a response which streams."""
    return path == "starlette.responses.StreamingResponse" or _EVENTS.fullmatch(path) is not None


def streamed_answers(behaviour: Behaviour) -> list[Call]:
    """The calls that make an answer which streams, by place."""
    return behaviour.matching(is_stream)


def sends_events(call: Call) -> bool:
    """Whether a streamed answer is of server-sent events, which go on until somebody stops them."""
    given = (*call.args[3:4], call.kwargs.get("media_type"))
    return _EVENTS.fullmatch(call.path) is not None or any(
        str(by_default(value)).startswith("text/event-stream") for value in given)
