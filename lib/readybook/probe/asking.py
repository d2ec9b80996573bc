"""HTTP over a loopback socket, one connection a question, bounded in time and size."""

from __future__ import annotations

import http.client
import select
import time
from collections.abc import Mapping
from dataclasses import field

from readybook.records import record

KEPT = 1024 * 1024  # bytes of an answer that are read
CHUNK = 64 * 1024


@record
class Answer:
    """One answer. ``status`` 0: there was none, ``error`` says why. Header names are small letters; ``seconds`` from
    the question to the end of the answer; ``sent`` bytes of body that were taken off us."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    error: str = ""
    sent: int = 0

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def shown(self) -> str:
        """The status for a sentence: ``answers 200``, ``gives no answer (timed out)``."""
        return f"answers {self.status}" if self.status else f"gives no answer ({self.error})"


class Client:
    """Asks one service on the loopback interface; ``host`` is the name that it is asked by."""

    def __init__(self, port: int, host: str = "localhost", seconds: float = 10.0) -> None:
        self.port, self.host, self.seconds = port, host, seconds

    def ask(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None,
            seconds: float = 0.0) -> Answer:
        """One request and its whole answer; never raises for what the service does."""
        given = {"Host": self.host, "Accept-Encoding": "identity", "Connection": "close", **(headers or {})}
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds or self.seconds)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return _read(connection, begun, len(body or b""))
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, seconds=time.monotonic() - begun, error=_why(error))
        finally:
            connection.close()

    def announce(self, path: str, length: int) -> Answer:
        """A POST that says it brings ``length`` bytes and waits for leave: what is answered before any byte of them."""
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2.0)
        try:
            _begin(connection, path, self.host, {"Content-Length": str(length)})
            return _read(connection, begun, 0)
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, seconds=time.monotonic() - begun, error=_why(error))
        finally:
            connection.close()

    def pour(self, path: str, limit: int) -> Answer:
        """A POST in chunks without a length, until it is answered or ``limit`` bytes are through."""
        begun, sent = time.monotonic(), 0
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.seconds)
        try:
            _begin(connection, path, self.host, {"Transfer-Encoding": "chunked"})
            data = b"%x\r\n" % CHUNK + b"0" * CHUNK + b"\r\n"
            try:
                while sent < limit and not select.select([connection.sock], [], [], 0)[0]:
                    connection.send(data)
                    sent += CHUNK
                connection.send(b"0\r\n\r\n")
            except OSError:
                pass  # the service closed its end: its answer may stand in the buffer
            return _read(connection, begun, sent)
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, seconds=time.monotonic() - begun, error=_why(error), sent=sent)
        finally:
            connection.close()


def _begin(connection: http.client.HTTPConnection, path: str, host: str, headers: Mapping[str, str]) -> None:
    connection.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": host, "Content-Type": "application/octet-stream", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()


def _read(connection: http.client.HTTPConnection, begun: float, sent: int) -> Answer:
    response = connection.getresponse()
    names: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        names[key] = f"{names[key]}, {value}" if key in names else value
    body = response.read(KEPT)
    return Answer(response.status, names, body, time.monotonic() - begun, sent=sent)


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return type(error).__name__
