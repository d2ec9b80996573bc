"""One file of the target: its bytes, and its text without any change to line ends."""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass

MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A text file. ``text`` keeps every line end; a byte order mark is not part of it (``bom`` tells)."""

    path: str
    text: str
    encoding: str = "utf-8"
    bom: bool = False

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return (b"\xef\xbb\xbf" if self.bom else b"") + self.text.encode(self.encoding)

    def with_text(self, text: str) -> SourceFile:
        """The same file with another text."""
        return SourceFile(self.path, text, self.encoding, self.bom)


def decode(path: str, data: bytes) -> SourceFile:
    """Decode a file as Python would (byte order mark, coding line, else UTF-8); raises ValueError with the reason."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES // 1024 // 1024} MiB")
    if b"\0" in data:
        raise ValueError("contains null bytes")
    bom = data.startswith(b"\xef\xbb\xbf")
    encoding = "utf-8"
    if path.endswith((".py", ".pyi", ".pyw")) and b"coding" in data[:400]:
        try:
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0].removesuffix("-sig")
        except SyntaxError as error:
            raise ValueError(f"bad coding line: {error.msg}") from None
    try:
        text = data[3:].decode(encoding) if bom else data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not {encoding} (byte {error.start})") from None
    return SourceFile(path, text, encoding, bom)
