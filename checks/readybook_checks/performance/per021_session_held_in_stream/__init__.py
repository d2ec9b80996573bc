"""PER021: a database session that stays open as long as a stream or a WebSocket does."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.finding import Answer
from readybook.intents import SetKeyword
from readybook_checks.performance.per021_session_held_in_stream.examples import EXAMPLES
from readybook_checks.performance.per021_session_held_in_stream.streams import (
    Session,
    Stream,
    holds,
    session,
    streams,
    used_in_stream,
)

EARLY, LATE, SCOPED = (0, 106), (0, 118), (0, 121)  # FastAPI: closed before the answer, after it again, by choice


class SessionHeldInStream(Check):
    """A streaming route holds a database session, with its connection, for as long as the stream goes on.

    Looked at: routes that stream what a generator of the project gives, and WebSockets, whose session comes from a
    dependency with ``yield``. FastAPI closes such a dependency when the stream has ended (all versions but 0.106 to
    0.117, which close it before the stream begins), and a WebSocket's when the connection ends. As many clients as the
    pool has connections then stop every other request.

    High for streams without an end, else medium. Sessions that are not used, or let go (commit, close) before the
    stream begins, are right. Fix: ``scope="function"`` (FastAPI 0.121) where the stream itself does not use the
    session; else a short session of its own for each piece.
    """

    id = "PER021"
    name = "session-held-in-stream"
    category = "performance"
    severity = "high"
    hours = Hours(0.5, 1, 3, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/advanced/advanced-dependencies/"
                  "#dependencies-with-yield-httpexception-except-and-background-tasks",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each route that holds a session while it streams; a Right for each stream that holds none."""
        seen = False
        for stream in streams(project):
            seen = True
            given = session(project, stream)
            if given is None or not holds(project, stream, given):
                yield Right(stream.place, "no session is held while it streams", stream.route.app)
                continue
            yield _finding(project, stream, given) or Right(stream.place, "closed before it streams", stream.route.app)
        if not seen:
            yield NotApplicable("no route streams what a generator gives, and there is no WebSocket")


def _finding(project: Project, stream: Stream, given: Session) -> Finding | None:
    version = project.facts.release("fastapi", stream.place.path)
    name = f"{stream.route.method} {stream.route.path} ({stream.handler.name})"
    used = used_in_stream(stream, given.name)
    opened = given.dependency.name
    socket = stream.route.method == "WEBSOCKET"
    if not socket and version is not None and EARLY <= version[:2] < LATE:
        if not used or not given.name:
            return None
        message = (f"{name} streams with the session of {opened}, which FastAPI {'.'.join(map(str, version))} closes "
                   "before the stream begins: its queries take a connection that nobody gives back.")
        return Finding(stream.place, message, "high", confidence="medium", fix=_own(opened), app=stream.route.app)
    since = "" if socket or version is not None else " (FastAPI 0.106 to 0.117 close it before)"
    what = "connection" if socket else "stream"
    message = (f"{name} holds the session of {opened} until its {what} ends{since}: each client keeps a database "
               "connection.")
    severity = "high" if stream.endless else "medium"
    fix = _own(opened)
    if not socket and not used and not given.shared and given.depends and version is not None and version >= SCOPED:
        fix = Fix("Close the session before the stream begins",
                  (SetKeyword(given.depends, "Depends", "scope", '"function"'),), safety="review",
                  reason="objects of the session can load nothing more while the stream goes on")
    confidence = "high" if socket or version is not None else "medium"
    return Finding(stream.place, message, severity, confidence=confidence, fix=fix, app=stream.route.app)


def _own(opened: str) -> Fix:
    return advice(f"Open a short session inside the stream for each piece that needs one, instead of {opened}",
                  "which queries belong into one transaction is for a person to decide")
