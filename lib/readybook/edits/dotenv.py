"""Lines of .env.example files, in the style of the lines that stand there."""

from __future__ import annotations

import re

from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.intents import EnsureEnvExample
from readybook.patterns import regex

NAMES = (".env.example", ".env.sample", ".env.template", ".env.dist", "env.example", ".example.env", ".env-example",
         "example.env", "sample.env", "env.sample")
LINE = regex(r"^[ \t]*#?[ \t]*(export[ \t]+)?([A-Za-z_]\w*)([ \t]*)=([ \t]*)(.*)$")
OPTIONAL = regex(r"(?<!required, )\bsecret(\)?\s*)$")  # how our own lines end that tell of a secret with a default


def example_file(work: Work, near: str) -> str | None:
    """The example file nearest above ``near``, or the only one of the target."""
    folder = near
    while folder:
        folder = folder.rpartition("/")[0]
        for name in NAMES:
            path = f"{folder}/{name}" if folder else name
            if work.text(path) is not None:
                return path
    others = [p for p in sorted(work.paths) if p.rpartition("/")[2] in NAMES]
    return others[0] if len(others) == 1 else None


def ensure_env_example(work: Work, intent: EnsureEnvExample) -> None:
    """Carry out EnsureEnvExample; a missing file is made."""
    if not work.exists(intent.path):
        work.create(intent.path, "")
    ensure_variable(work, intent.path, intent.name, intent.value, intent.comment, intent.commented)


def ensure_variable(
    work: Work, path: str, name: str, value: str, comment: str = "", commented_out: bool = False
) -> None:
    """Append a variable unless a line names it; one without a value, to be filled in, leaves its comment."""
    text = work.text(path)
    if text is None:
        raise PatchError(f"{path}: cannot be read as text")
    if "\n" in value + comment + name or "\r" in value + comment + name:
        raise PatchError(f"{path}: a value over several lines for {name}")
    lines = text.split("\n")
    parts = [m for line in lines if (m := LINE.match(line.rstrip("\r")))]
    named = [m for m in parts if m.group(2) == name]
    if named:
        if not value and not commented_out and all(m.string.lstrip().startswith("#") and not m.group(5) for m in named):
            # It had a default when the line was written, and must be set now: as a comment it would be overlooked.
            at = next(n for n, line in enumerate(lines) if line.rstrip("\r") == named[0].string)
            bare = [line.lstrip(" \t#") if line.rstrip("\r") == named[0].string else line for line in lines]
            if at and lines[at - 1].lstrip().startswith("#"):
                bare[at - 1] = OPTIONAL.sub(r"required, secret\1", lines[at - 1])
            work.drafts[path] = work.draft(path).rewritten("\n".join(bare))
        return
    live = [m for m, line in ((m, m.string) for m in parts) if not line.lstrip().startswith("#")]
    export = "export " if live and all(m.group(1) for m in live) else ""
    spaced = bool(live) and all(m.group(3) and m.group(4) for m in live)
    quoted = sum(m.group(5).startswith('"') for m in live) * 2 > len(live) if live else False
    bare_number = value.isdigit() and any(m.group(5).isdigit() for m in live)
    if quoted and not bare_number or (value and re.search(r"[\s#'\"$]", value) and not value.startswith(('"', "'"))):
        value = '"' + value.replace('"', '\\"') + '"' if value or quoted else value
    newline = "\r\n" if "\r\n" in text else "\n"
    commented = any(line.lstrip().startswith("#") and not LINE.match(line.rstrip("\r")) for line in lines)
    head = f"# {comment}{newline}" if comment and (commented or not live) else ""
    ended = not text or text.endswith("\n")
    line = f"{'# ' if commented_out else ''}{export}{name}{' = ' if spaced else '='}{value}"
    new = ("" if ended else newline) + head + line + (newline if ended else "")
    work.drafts[path] = work.draft(path).rewritten(text + new)
