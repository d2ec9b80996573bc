"""What is asked of a service when something goes wrong: error answers, and the end of its process."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from readybook.probe.asking import Answer
from readybook.probe.questions import ID_HEADERS
from readybook.probe.talk import BOTH, FAILED, NEITHER, Question, Seen, Talk, unknown

SLOW_SECONDS = 2.0
END_SECONDS = 15.0
DETAIL = "readybook-probe-detail"  # the text of the exception that a route of the probe raises


def not_found(talk: Talk) -> Seen:
    """A path that nobody registered."""
    return _envelope(talk.get("/readybook-probe-no-such-path"), 404)


def invalid(talk: Talk) -> Seen:
    """A number that is none."""
    why = talk.reaches()
    return unknown(why) if why else _envelope(talk.get(f"{talk.own('number')}?n=none"), 422, (400, 422))


def unexpected(talk: Talk) -> Seen:
    """A route that raises: JSON like other errors, with an id to report."""
    why = talk.reaches()
    if why:
        return unknown(why)
    answer = talk.get(talk.own("fails"))
    seen = _envelope(answer, 500)
    if seen.outcome != "passed":
        return seen
    body = _json(answer)
    has_id = any(answer.headers.get(h) for h in ID_HEADERS) or (
        isinstance(body, dict) and any("id" in key.lower() or key == "instance" for key in body))
    return seen if has_id else Seen("failed", f"{seen.observed}, without an id to report")


def leaks(talk: Talk) -> Seen:
    """What the answer to an unexpected error tells of its cause."""
    why = talk.reaches()
    if why:
        return unknown(why)
    answer = talk.get(talk.own("fails"))
    if not answer.status:
        return unknown(f"a route that raises {answer.shown}")
    traceback = "Traceback" in answer.text or ".py" in answer.text
    if not traceback and DETAIL not in answer.text:
        return Seen("passed", "nothing of the cause is in the answer")
    if not talk.production:
        return unknown("the cause is in the answer, but it did not start as in production")
    return Seen("failed", "the traceback is in the answer" if traceback else "the exception's text is in the answer")


def _envelope(answer: Answer, status: int, allowed: tuple[int, ...] = ()) -> Seen:
    if not answer.status:
        return unknown(f"it {answer.shown}")
    if answer.status in (401, 403, 307, 308):
        return unknown(f"it {answer.shown} to everybody")
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    body = _json(answer)
    keys = ", ".join(list(body)[:6]) if isinstance(body, dict) else ""
    said = f"{answer.status} {kind or 'without a type'}" + (f" with {keys}" if keys else "")
    good = answer.status in (allowed or (status,)) and kind.endswith("json") and isinstance(body, dict) and bool(body)
    return Seen("passed" if good else "failed", said)


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def shutdown(talk: Talk) -> Seen:
    """SIGTERM while a request is being answered."""
    why = talk.reaches()
    if why:
        return unknown(why)
    answers: list[Answer] = []
    path = f"{talk.own('slow')}?seconds={SLOW_SECONDS:g}"
    asking = threading.Thread(target=lambda: answers.append(talk.client.ask(path)), daemon=True)
    asking.start()
    time.sleep(SLOW_SECONDS / 4)
    begun = time.monotonic()
    talk.service.terminate()
    code = talk.service.ended(END_SECONDS)
    took = time.monotonic() - begun
    asking.join(2 * END_SECONDS)
    answer = answers[0] if answers else Answer(0, error="it takes too long")
    talk.note(f"GET {path}, SIGTERM during it,", answer)
    if code is None:
        return Seen("failed", f"the process still runs {END_SECONDS:g} seconds after SIGTERM")
    if answer.status != 200:
        return Seen("failed", f"the request in flight {answer.shown}; the process ended after {took:.1f} s")
    if code not in (0, -15, 143):
        return Seen("failed", f"the request in flight is answered, but the process ends with code {code}")
    return Seen("passed", f"the request in flight is answered, and the process ends after {took:.1f} s")


WHEN_WRONG = (
    Question("error-404", "Is a path that does not exist answered as JSON?", "404 as a JSON object", (), NEITHER,
             not_found),
    Question("error-422", "Is invalid input answered as JSON?", "422 or 400 as a JSON object", (), NEITHER, invalid),
    Question("error-500", "Is an unexpected error answered as JSON, with an id?", "500 as a JSON object, with an id",
             ("ARC010",), BOTH, unexpected),
    Question("error-500-detail", "Does the answer to an unexpected error keep its cause to itself?",
             "neither traceback nor the exception's text", ("SEC012",), FAILED, leaks),
)
AT_THE_END = (
    Question("shutdown", "Does SIGTERM let the request in flight finish?",
             f"200 for it, and the process ends by itself within {END_SECONDS:g} seconds", ("ARC023",), FAILED,
             shutdown),
)
