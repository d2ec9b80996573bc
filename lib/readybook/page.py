"""The shell of every HTML page: head with a policy that forbids the network, style, contents, script.

A page holds everything it needs. Its Content-Security-Policy lets run exactly the scripts whose hashes it lists, so
that nothing else can, whatever the audited code smuggled into a text.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Iterable
from importlib.resources import files

from readybook.markup import Html, el, join
from readybook.records import record


@record
class PageParts:
    """The fixed parts of a page: all before the body's content, the table of contents, all after the content."""

    start: Html
    contents: Html
    end: Html


def page_parts(title: str, headings: Iterable[tuple[str, str]], footer: str, chart_script: str = "") -> PageParts:
    """The parts of a page whose sections are ``headings`` (id, text). ``chart_script`` is plotly.js, empty without
    charts: it is packed once and unpacked by the reader's browser."""
    script = resource("page/tables.js") + resource("page/page.js")
    tail = [el("footer", el("p", footer))]
    if chart_script:
        packed = base64.b64encode(gzip.compress(chart_script.encode(), 9, mtime=0)).decode()
        tail.append(el("script", Html(packed), type="text/plain", id="plotly"))
    tail.append(el("script", Html(script)))
    policy = _policy([text for text in (script, chart_script) if text])
    start = join([
        Html("<!DOCTYPE html>\n<html lang=\"en\">\n<head>"),
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title), el("style", Html(style_sheet())),
        Html("</head>\n<body>"), el("a", "Skip to the content", href="#main", class_="skip"),
        el("button", "Dark colours", type="button", class_="theme", data_theme_switch=True, hidden=True),
    ])
    return PageParts(start, _contents(headings), Html(join(tail) + "\n</body>\n</html>\n"))


def whole_page(title: str, head: Html, body: Html, footer: str) -> str:
    """A page without charts and contents: ``head`` in its coloured band, ``body`` below."""
    parts = page_parts(title, (), footer)
    main = el("div", el("main", body, id="main"), class_="frame wide")
    return f"{parts.start}{el('header', head)}{main}{parts.end}"


def unlink_dangling(page: str) -> str:
    """The page with links to places that are not in it turned into their text (a finding past the limit, a section
    that the profile leaves out)."""
    anchors = set(re.findall(r'\sid="([^"]+)"', page))
    return re.sub(
        r'<a [^>]*?href="#([^"]*)"[^>]*>(.*?)</a>', lambda m: m[0] if m[1] in anchors else m[2], page, flags=re.DOTALL
    )


def style_sheet() -> str:
    """The style of a page: dark where the reader's system or the page's button asks for it, never on paper."""
    light, dark = resource("page/light.css"), resource("page/dark.css")
    return (
        f":root{{color-scheme:light dark;\n{light}}}\n"
        ":root[data-theme=light]{color-scheme:light}\n:root[data-theme=dark]{color-scheme:dark}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{\n{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{\n{dark}}}}}\n"
        + resource("page/parts.css") + resource("page/page.css")
    )


def notebook_dress() -> Html:
    """What gives the views of a notebook the look of the report in JupyterLab, and lets their tables sort and filter.

    The rules hold inside elements of the class ``readybook`` only; light or dark follows JupyterLab's theme.
    """
    own = ":is(.jp-RenderedHTMLCommon, .jupyter-widgets) .readybook"
    style = (
        f".readybook{{\n{resource('page/light.css')}}}\n"
        f"[data-jp-theme-light=false] .readybook{{\n{resource('page/dark.css')}}}\n"
        f"{own}{{\n{resource('page/parts.css')}}}\n{resource('page/lab.css')}"
    )
    return join([el("style", Html(style)), el("script", Html(resource("page/tables.js") + resource("page/lab.js")))])


def resource(path: str) -> str:
    """A text file that the package brings under ``templates/``."""
    return files("readybook").joinpath("templates", path).read_text(encoding="utf-8")


def _contents(headings: Iterable[tuple[str, str]]) -> Html:
    items = [el("li", el("a", text, href=f"#{anchor}")) for anchor, text in headings]
    if not items:
        return Html("")
    return el("nav", el("details", el("summary", "Contents"), el("ol", items), open=True), aria_label="Contents")


def _policy(scripts: list[str]) -> str:
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )
