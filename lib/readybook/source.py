"""One file of the target: its bytes, and its text without any change to line ends."""

from __future__ import annotations

import io
import tokenize
from dataclasses import replace

from readybook.records import field, record

MAX_BYTES = 4 * 1024 * 1024
# their time grows with the square of the length: a few hundred KiB would hang the reading
SLOW_CODECS = frozenset({"idna", "punycode"})


@record
class SourceFile:
    """A text file. ``text`` keeps every line end; a byte order mark is not part of it (``bom`` tells).

    ``executable``: its owner may run it.
    """

    path: str
    text: str
    encoding: str = "utf-8"
    bom: bool = False
    executable: bool = False
    _lines: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def lines(self) -> list[str]:
        """The text's lines without their line feeds; kept, since each finding asks for its own."""
        if not self._lines:
            self._lines.extend(self.text.split("\n"))
        return self._lines

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        mark = (b"\xff\xfe" if self.encoding == "utf-16-le" else b"\xef\xbb\xbf") if self.bom else b""
        return mark + self.text.encode(self.encoding)

    def with_text(self, text: str) -> SourceFile:
        """The same file with another text."""
        return replace(self, text=text)


def made(path: str, text: str) -> SourceFile:
    """A new file; a script, which names its interpreter in its first line, can be run."""
    return SourceFile(path, text, executable=text.startswith("#!"))


def decode(path: str, data: bytes) -> SourceFile:
    """Decode a file as Python would (byte order mark, coding line, else UTF-8); raises ValueError with the reason.

    Other than Python source may be UTF-16 (what `pip freeze > file` writes in PowerShell, and pip reads).
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES // 1024 // 1024} MiB")
    if data.startswith(b"\xff\xfe") and not path.endswith((".py", ".pyi", ".pyw")):
        return _decode_utf16(path, data)
    if b"\0" in data:
        raise ValueError("contains null bytes")
    bom = data.startswith(b"\xef\xbb\xbf")
    encoding = "utf-8"
    if path.endswith((".py", ".pyi", ".pyw")) and b"coding" in data[:400]:
        try:
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0].removesuffix("-sig")
        except SyntaxError as error:
            raise ValueError(f"bad coding line: {error.msg}") from None
        if encoding in SLOW_CODECS:
            raise ValueError(f"encoding {encoding} is not read")
    try:
        text = data[3:].decode(encoding) if bom else data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not {encoding} (byte {error.start})") from None
    except (UnicodeError, LookupError):
        raise ValueError(f"{encoding} is no text encoding") from None
    return SourceFile(path, text, encoding, bom)


def _decode_utf16(path: str, data: bytes) -> SourceFile:
    try:
        text = data[2:].decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not utf-16 (byte {error.start})") from None
    if "\0" in text:
        raise ValueError("contains null bytes")
    return SourceFile(path, text, "utf-16-le", True)
