"""Edits of compose files: a service more, a variable more; every other line stays as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from readybook.edits.drafts import Draft, Splice
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.intents import EnsureComposeService, EnsureComposeVariable

KEY = re.compile(r"""(?P<indent>[ ]*)(?P<quote>["']?)(?P<key>[\w.-]+)(?P=quote):(?:\s+(?P<rest>\S.*))?\s*$""")


@dataclass(frozen=True, slots=True)
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
    """Carry out EnsureComposeVariable: in the service's ``environment``, as a list or a mapping, made when missing."""

    def planner(text: str, draft: Draft) -> list[Splice]:
        del draft
        lines = text.split("\n")
        service = next((b for b in services(lines, intent.path) if b.key == intent.service), None)
        if service is None or service.rest:
            raise PatchError(f"{intent.path}: there is no service {intent.service} in block style")
        keys = blocks(lines, service.line + 1, service.end)
        environment = next((b for b in keys if b.key == "environment"), None)
        newline = "\r" if "\r\n" in text else ""
        if environment is None:
            indent = keys[0].indent if keys else service.indent * 2
            new = [f"{' ' * indent}environment:", f"{' ' * (indent + service.indent)}{intent.name}: {intent.value}"]
            return _inserted(lines, service.end, new, newline, text)
        if environment.rest:
            raise PatchError(f"{intent.path}: the environment of {intent.service} is not written line by line")
        rows = lines[environment.line + 1:environment.end]
        if any(re.match(rf"\s*(?:-\s*)?[\"']?{re.escape(intent.name)}[\"']?\s*[:=]", row) for row in rows):
            return []
        first = next((row for row in rows if row.strip() and not row.strip().startswith("#")), "")
        margin = first[:len(first) - len(first.lstrip(" "))]
        listed = first.strip().startswith("- ")
        row = f"{margin}- {intent.name}={intent.value}" if listed else f"{margin}{intent.name}: {intent.value}"
        return _inserted(lines, environment.end, [row], newline, text)

    work.plan_text(intent.path, planner)


def _inserted(lines: list[str], index: int, rows: list[str], ending: str, text: str) -> list[Splice]:
    at = sum(len(row) + 1 for row in lines[:index])
    if at > len(text):
        return [Splice(len(text), len(text), "".join(f"{ending}\n{row}" for row in rows))]
    return [Splice(at, at, "".join(f"{row}{ending}\n" for row in rows))]
