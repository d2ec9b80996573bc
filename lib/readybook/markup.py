"""HTML as values: text of the audited code is escaped by construction, never pasted in.

``el`` builds one element; a plain ``str`` child is text, only an ``Html`` child is markup. Control characters and the
marks that reorder text are shown as escapes, so a file name cannot pass for another one.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from readybook.patterns import regex

_UNSEEN = regex("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_LINKS = ("#", "https://", "http://", "./")
_VOID = frozenset({"br", "hr", "input", "meta", "col"})


class Html(str):
    """Text that is HTML already. A notebook shows it as such."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """Bytes it takes in a page."""
        return len(self) if self.isascii() else len(self.encode())

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"Html of {len(self)} characters"


Child = str | int | float | None | Iterable["Child"]


def visible(text: str) -> str:
    """The text with control, reordering and lone surrogate characters written as escapes; tab and newline stay."""
    return _UNSEEN.sub(lambda m: f"\\u{ord(m[0]):04x}", text.replace("\r\n", "\n"))


def clip(text: str, limit: int) -> str:
    """At most ``limit`` characters of the text; an ellipsis says that some are missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def escape(text: str) -> Html:
    """The text as HTML that shows it and does nothing else, in element content and in quoted attributes."""
    return Html(html.escape(visible(text), quote=True))


def join(children: Iterable[Child], between: str = "") -> Html:
    """The children one after another, with the text ``between`` them."""
    return Html(escape(between).join(_child(child) for child in children))


def within(parts: Iterable[Html], budget: int) -> list[Html]:
    """The first of the parts, as many as have at most ``budget`` bytes together."""
    taken = []
    for part in parts:
        budget -= part.size
        if budget < 0:
            break
        taken.append(part)
    return taken


def el(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """One element. ``class_`` and ``for_`` lose their underscore, others turn it into a hyphen.

    True writes a bare attribute, None and False none. Raises ValueError for a link that is neither relative to the
    page nor http(s).
    """
    href = attributes.get("href")
    if href is not None and not str(href).startswith(_LINKS):
        raise ValueError(f"link {href!r} leads neither into the page, nor beside it, nor to http(s)")
    opening = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{opening}>")
    return Html(f"<{name}{opening}>{join(children)}</{name}>")


def _attribute(key: str, value: str | int | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    key = key.rstrip("_").replace("_", "-")
    return f" {key}" if value is True else f' {key}="{escape(str(value))}"'


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return str(child)
    if isinstance(child, (str, int, float)):
        return escape(str(child))
    return join(child)
