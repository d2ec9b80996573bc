"""Both cores for one run: the same function over many numbers, shared between this process and copies of it.

A copy made by ``fork`` has everything that this process knows, so nothing is sent to it; only results come back. The
numbers lie in a pipe from which each process takes the next when it is free. What a copy does not give back, because it
died or its result cannot be sent, this process works out itself: forks make a run faster, never different.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

MOST = 4  # processes: more gain little beside what stays serial
WIDTH = 4  # bytes of a number in the pipe: reads of this size are whole
ROOM = 8_000  # numbers that a pipe is sure to hold before anybody reads

T = TypeVar("T")


def processes() -> int:
    """How many processes may share the work here: 1 where forking is not safe (threads, systems other than Linux)."""
    if not sys.platform.startswith("linux") or threading.active_count() > 1 or os.environ.get("READYBOOK_FORKS") == "0":
        return 1
    return min(len(os.sched_getaffinity(0)), MOST)


def shared(count: int, work: Callable[[int], T], pack: Callable[[T], Any] | None = None,
           unpack: Callable[[Any], T] | None = None) -> list[T]:
    """``[work(0), …, work(count - 1)]``, worked out by all processes together.

    ``pack`` makes of a result what a copy sends back (by pickle), ``unpack`` the result of that. What ``work`` raises
    is raised here. Without a second process this is a plain loop.
    """
    return Begun(count, work, pack, unpack).results()


class Begun(Generic[T]):
    """Shared work on which the copies are busy already, while this process does something else before it joins them.

    ``results`` or ``drop`` must be called, once.
    """

    def __init__(self, count: int, work: Callable[[int], T], pack: Callable[[T], Any] | None = None,
                 unpack: Callable[[Any], T] | None = None) -> None:
        self._count, self._work, self._unpack = count, work, unpack
        self._queue: int | None = None
        self._copies: list[tuple[int, int]] = []
        if processes() < 2 or not 1 < count <= ROOM:
            return
        self._queue, fill = os.pipe()
        os.write(fill, b"".join(number.to_bytes(WIDTH, "big") for number in range(count)))
        os.close(fill)
        self._copies = [_copy(self._queue, work, pack) for _ in range(processes() - 1)]

    def results(self) -> list[T]:
        """Take part in what is left to do; all results."""
        if self._queue is None:
            return [self._work(number) for number in range(self._count)]
        found: dict[int, T] = {}
        try:
            for number in _taken(self._queue):
                found[number] = self._work(number)
        finally:
            os.close(self._queue)
            sent = [_result(process, results) for process, results in self._copies]
        for part in sent:
            found |= {number: self._unpack(value) if self._unpack else value for number, value in part.items()}
        return [found[number] if number in found else self._work(number) for number in range(self._count)]

    def drop(self) -> None:
        """Stop: nobody wants the results."""
        if self._queue is not None:
            os.close(self._queue)
        for process, results in self._copies:
            os.kill(process, signal.SIGKILL)
            _result(process, results)


def _taken(queue: int) -> Any:
    while len(number := os.read(queue, WIDTH)) == WIDTH:
        yield int.from_bytes(number, "big")


def _copy(queue: int, work: Callable[[int], Any], pack: Callable[[Any], Any] | None) -> tuple[int, int]:
    """Start a copy of this process; (its id, the pipe that it writes its results to)."""
    results, out = os.pipe()
    process = os.fork()
    if process:
        os.close(out)
        return process, results
    status = 1
    try:  # whatever goes wrong in a copy, it ends here: the first process does the work again and raises
        os.close(results)
        found = {number: pack(value) if pack else value for number in _taken(queue) for value in [work(number)]}
        with open(out, "wb") as file:
            pickle.dump(found, file, pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)


def _result(process: int, results: int) -> dict[int, Any]:
    """What a copy found, nothing when it did not come to its end."""
    with open(results, "rb") as file:
        data = file.read()
    _, status = os.waitpid(process, 0)
    return pickle.loads(data) if status == 0 else {}
