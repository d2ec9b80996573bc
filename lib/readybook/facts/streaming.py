"""Answers that are sent piece by piece: where they are made, and which of them are server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readybook.facts.looptasks import bound_to
from readybook.facts.nodes import nodes, statements
from readybook.facts.values import by_default
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.objects import FunctionValue

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


def sent_in_pieces(behaviour: Behaviour) -> frozenset[int]:
    """``id`` of the nodes of the calls whose results an answer streams: Starlette asks a plain iterator for its next
    piece in a thread of the pool, an asynchronous one in the event loop."""
    found = set[int]()
    for call in streamed_answers(behaviour):
        given = (*call.site.node[4][:1], *(v for k, v in call.site.node[5] if k == "content"))
        for content in given[:1]:
            bound = bound_to(call, content) if content[0] == "name" else (content,)
            found |= {id(n) for value in bound for n in nodes(value) if n[0] == "call"}
    return frozenset(found)


def handed_on(call: Call) -> bool:
    """Whether a function returns what a call gives, as it is: a generator runs where somebody asks it for more."""
    function: FunctionValue | None = call.site.function
    body = function.original.node[6] if function is not None and function.original.node[0] == "def" else ()
    return any(s[0] == "return" and s[4] is call.site.node for s in statements(body))
