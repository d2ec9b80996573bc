"""Environment variables of services in compose files, in the style of the entries that stand there."""

from __future__ import annotations

import re

from readybook.edits.drafts import Draft, Splice, line_starts
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.facts.yamlnodes import Node, yaml_documents
from readybook.intents import EnsureServiceVariable


def ensure_service_variable(work: Work, intent: EnsureServiceVariable) -> None:
    """Carry out EnsureServiceVariable; raises PatchError where the file writes its entries in another way."""

    def planner(text: str, draft: Draft) -> list[Splice]:
        del draft
        documents = yaml_documents(text).nodes
        service = documents[0].get("services", intent.service) if documents else None
        if service is None or not isinstance(service.value, dict) or not service.value:
            raise PatchError(f"{intent.path}: there is no service {intent.service}")
        return _splices(text, service, intent)

    work.plan_text(intent.path, planner)


def _splices(text: str, service: Node, intent: EnsureServiceVariable) -> list[Splice]:
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
    entry = f"- {intent.name}={intent.value}" if listed else f'{intent.name}: "{intent.value}"'
    return [_after(text, max(n.end_line for n in _children(present)), head[1] + entry, newline)]


def _children(node: Node) -> list[Node]:
    return [n for _, n in node.items()] or list(node.list())


def _block(text: str, lines: list[str], service: Node, present: Node | None, intent: EnsureServiceVariable,
           newline: str) -> Splice:
    """An ``environment`` of its own, after the service's last line."""
    first = next(n for _, n in service.items())
    head = re.match(r"([ \t]+)[\w\"']", lines[first.at - 1])
    outer = re.match(r"[ \t]*", lines[service.at - 1])
    if head is None or outer is None or len(head[1]) <= len(outer[0]) or present is not None:
        raise PatchError(f"{intent.path}: the service {intent.service} is written in one line or shared")
    step = head[1][len(outer[0]):]
    code = f"{head[1]}environment:{newline}{head[1]}{step}{intent.name}: \"{intent.value}\""
    return _after(text, service.end_line, code, newline)


def _after(text: str, line: int, code: str, newline: str) -> Splice:
    """New lines after a line of the text."""
    starts = line_starts(text)
    at = starts[line] if line < len(starts) else len(text)
    ended = text[:at].endswith("\n")
    return Splice(at, at, code + newline if ended else newline + code)
