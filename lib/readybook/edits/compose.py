"""Edits of compose files: a service more, a variable more; every other line stays as it is."""

from __future__ import annotations

import re

from readybook.edits.drafts import Draft, Splice, line_starts
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.facts.yamlnodes import Node, yaml_documents
from readybook.intents import EnsureComposeService, EnsureComposeVariable
from readybook.patterns import regex
from readybook.records import record

PLAIN = regex(r"[A-Za-z](?:[\w./:@-]*[\w/])?")
WORDS = ("true", "false", "yes", "no", "on", "off", "null")  # that YAML takes for something else
KEY = regex(r"""(?P<indent>[ ]*)(?P<quote>["']?)(?P<key>[\w.-]+)(?P=quote):(?:\s+(?P<rest>\S.*))?\s*$""")


@record
class Block:
    """A key of a mapping in block style: ``line`` is its index, ``end`` that after its last line that is not empty."""

    key: str
    line: int
    end: int
    indent: int
    rest: str


def blocks(lines: list[str], first: int, end: int) -> list[Block]:
    """The keys of the mapping whose lines are ``first`` to ``end``, at the indentation of its first key."""
    found: list[tuple[str, int, str]] = []
    indent: int | None = None
    for number in range(first, end):
        match = KEY.fullmatch(lines[number].rstrip("\r"))
        if match is None or (indent is not None and len(match["indent"]) != indent):
            continue
        indent = len(match["indent"])
        found.append((match["key"], number, re.split(r"(?:^|\s)#", match["rest"] or "")[0].strip()))
    limits = [*(number for _, number, _ in found[1:]), *([end] if found else [])]
    return [Block(key, number, _last(lines, number, limit, indent or 0), indent or 0, rest)
            for (key, number, rest), limit in zip(found, limits, strict=True)]


def _last(lines: list[str], first: int, limit: int, indent: int) -> int:
    """After the last line below a key: comments at its own depth, and empty lines, belong to what follows."""
    last = first
    for number in range(first + 1, limit):
        text = lines[number].strip()
        depth = len(lines[number]) - len(lines[number].lstrip(" "))
        if text and (depth > indent or (text.startswith("- ") and depth == indent)):
            last = number
    return last + 1


def services(lines: list[str], path: str) -> list[Block]:
    """The services of a compose file; raises PatchError when they are not in block style."""
    top = next((b for b in blocks(lines, 0, len(lines)) if b.key == "services" and not b.indent), None)
    if top is None or top.rest:
        raise PatchError(f"{path}: its services are not written one below the other")
    return blocks(lines, top.line + 1, top.end)


def ensure_compose_service(work: Work, intent: EnsureComposeService) -> None:
    """Carry out EnsureComposeService: after the last service, in the file's own indentation."""

    def planner(text: str, draft: Draft) -> list[Splice]:
        del draft
        lines = text.split("\n")
        present = services(lines, intent.path)
        if not present:
            raise PatchError(f"{intent.path}: it has no service that a new one could follow")
        if any(b.key == intent.name for b in present):
            return []
        last, step = present[-1], present[-1].indent
        apart = any(not row.strip() for b, c in zip(present, present[1:]) for row in lines[b.end:c.line])
        body = [f"{' ' * step}{intent.name}:", *(f"{' ' * 2 * step}{row}" if row else "" for row in
                                                _stepped(intent.text.rstrip("\n").split("\n"), step))]
        newline = "\r\n" if "\r\n" in text else "\n"
        whole = ([""] if apart or len(present) == 1 else []) + body
        at = sum(len(row) + 1 for row in lines[:last.end])
        if at > len(text):  # the last line of the file has no end
            return [Splice(len(text), len(text), newline + newline.join(whole))]
        return [Splice(at, at, newline.join(whole) + newline)]

    work.plan_text(intent.path, planner)


def _stepped(rows: list[str], step: int) -> list[str]:
    """Rows that are indented by steps of two, in steps of the file's own width."""
    return [" " * ((len(r) - len(r.lstrip(" "))) // 2 * step) + r.lstrip(" ") for r in rows]


def ensure_compose_variable(work: Work, intent: EnsureComposeVariable) -> None:
    """Carry out EnsureComposeVariable; raises PatchError where the file writes its entries in another way."""

    def planner(text: str, draft: Draft) -> list[Splice]:
        del draft
        documents = yaml_documents(text).nodes
        service = documents[0].get("services", intent.service) if documents else None
        if service is None or not isinstance(service.value, dict) or not service.value:
            raise PatchError(f"{intent.path}: there is no service {intent.service}")
        return _splices(text, service, intent)

    work.plan_text(intent.path, planner)


def _splices(text: str, service: Node, intent: EnsureComposeVariable) -> list[Splice]:
    lines = text.split("\n")
    newline = "\r\n" if "\r\n" in text else "\n"
    present = service.get("environment")
    if present is None or present.value is None:
        return [_block(text, lines, service, present, intent, newline)]
    names = [k for k, _ in present.items()] or [str(n.value).partition("=")[0] for n in present.list()]
    if intent.name in names:
        return []
    line = lines[present.line - 1]
    listed = isinstance(present.value, tuple)
    head = re.match(r"([ \t]*)- " if listed else r"([ \t]*)[\w\"']", line)
    shared = any(n.line < service.line or n.line > service.end_line for n in (present, *_children(present)))
    if head is None or present.line == present.key_line or shared:
        raise PatchError(f"{intent.path}: the environment of {intent.service} is written in one line or shared")
    entry = f"- {intent.name}={intent.value}" if listed else f"{intent.name}: {_scalar(intent.value)}"
    return [_after(text, max(n.end_line for n in _children(present)), head[1] + entry, newline)]


def _children(node: Node) -> list[Node]:
    return [n for _, n in node.items()] or list(node.list())


def _block(text: str, lines: list[str], service: Node, present: Node | None, intent: EnsureComposeVariable,
           newline: str) -> Splice:
    """An ``environment`` of its own, after the service's last line."""
    first = next(n for _, n in service.items())
    head = re.match(r"([ \t]+)[\w\"']", lines[first.at - 1])
    outer = re.match(r"[ \t]*", lines[service.at - 1])
    if head is None or outer is None or len(head[1]) <= len(outer[0]) or present is not None:
        raise PatchError(f"{intent.path}: the service {intent.service} is written in one line or shared")
    step = head[1][len(outer[0]):]
    code = f"{head[1]}environment:{newline}{head[1]}{step}{intent.name}: {_scalar(intent.value)}"
    return _after(text, service.end_line, code, newline)


def _after(text: str, line: int, code: str, newline: str) -> Splice:
    """New lines after a line of the text."""
    starts = line_starts(text)
    at = starts[line] if line < len(starts) else len(text)
    ended = text[:at].endswith("\n")
    return Splice(at, at, code + newline if ended else newline + code)


def _scalar(value: str) -> str:
    """A value as YAML text: in quotes unless it is surely read as this text without them."""
    bare = PLAIN.fullmatch(value) is not None and value.lower() not in WORDS
    return value if bare else f'"{value}"'
