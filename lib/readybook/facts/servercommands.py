"""Reading a shell text for the commands that start an ASGI server, and what they ask of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from readybook.facts.dockerinstructions import expand, words
from readybook.patterns import regex
from readybook.records import record

SERVERS = frozenset({"uvicorn", "gunicorn", "hypercorn", "granian", "daphne"})
# first words of commands that only name a server
_NAMING = frozenset({
    "pip", "pip3", "pkill", "kill", "killall", "echo", "printf", "grep", "which", "command", "apt", "apt-get", "conda",
    "mamba", "cat", "touch", "mkdir", "if", "elif", "case", "ps", "pgrep", "cp", "rm", "mv", "export", "test", "[",
    "[[", "brew", "rg",
})
_ADDING = frozenset({"install", "add", "remove", "uninstall", "sync", "lock"})
_PACKAGE_OPTIONS = frozenset({
    "--with", "--from", "-p", "--package", "--group", "--extra", "--cov", "--name", "-n", "-u", "--user",
})
_IMPORT_STRING = regex(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(?:\(.*\))?")
_LITERAL = regex(r"""["']([A-Za-z_]\w*(?:\.\w+)*:[A-Za-z_]\w*)["']""")
_FILE = regex(r"[\w./-]+\.py")
_RUN = regex(r"""uvicorn\.run\(\s*(?:app\s*=\s*)?["']([\w.]+:[\w.]+)["']""")
_ASSIGNMENT = regex(r"(?:export\s+)?([A-Za-z_]\w*)\s*[:?]?=\s*(\S.*|)$")
_SEPARATOR = regex(r"&&|\|\||;|\n|(?<!\|)\|(?!\|)|(?<![>&\d])&(?![>&\d])")
_SHORT = {
    "gunicorn": {"-k": "--worker-class", "-w": "--workers", "-b": "--bind", "-c": "--config", "-t": "--timeout",
                 "-n": "--name", "-e": "--env", "-p": "--pid", "-u": "--user", "-g": "--group", "-m": "--umask"},
    "hypercorn": {"-k": "--worker-class", "-w": "--workers", "-b": "--bind", "-c": "--config"},
    "daphne": {"-b": "--host", "-p": "--port"},
}
_SWITCHES = frozenset({
    "--reload", "--no-reload", "--factory", "--proxy-headers", "--no-proxy-headers", "--access-log", "--no-access-log",
    "--server-header", "--no-server-header", "--date-header", "--no-date-header", "--use-colors", "--no-use-colors",
    "--preload", "--daemon", "--debug", "--capture-output", "--enable-stdio-inheritance", "--log-enabled",
    "--no-log-enabled", "--respawn-failed-workers", "--metrics", "--websockets", "--no-ws", "--version", "--help",
    "--check-config", "--reuse-port", "--spew",
})
# whatever can matter to the search; splitting every line of every document into words would cost seconds
_RELEVANT = regex(r"uvicorn|gunicorn|hypercorn|granian|daphne|fastapi|^cd\s|sh\s+-\w*c\s|=")
_RELEVANT_SCRIPT = regex(r"python|\w:\w")
MAX_CHARS = 200_000


@record
class ServerCall:
    """One command that starts a server, as far as its text tells.

    ``server``: uvicorn, gunicorn, hypercorn, granian, daphne, ``fastapi run``, ``fastapi dev``, ``python`` (a script or
    module of the target) or ``other`` (a program that is given an import string). ``app`` is the import string, empty
    when it is not written here; ``file`` a script path. ``options`` are in order, long names; ``folder`` is where
    ``cd`` had led (empty: nowhere). ``line`` is 1-based inside the text.
    """

    server: str
    app: str
    file: str
    options: tuple[tuple[str, str], ...]
    folder: str
    line: int
    text: str

    def option(self, name: str) -> str | None:
        """The last value of ``--name``; empty for a switch, None when it is not given."""
        return next((value for key, value in reversed(self.options) if key == name), None)


def server_calls(script: str, variables: Mapping[str, str] | None = None, *,
                 scripts: bool = False) -> Iterator[ServerCall]:
    """The server commands of a shell text; ``scripts``: also ``python main.py`` and ``python -m package``."""
    if len(script) > MAX_CHARS:
        return
    known = dict(variables or {})
    folder = ""
    for line, command in _commands(script):
        if not _RELEVANT.search(command) and not (scripts and _RELEVANT_SCRIPT.search(command)):
            continue
        assigned = _ASSIGNMENT.match(command)
        if assigned and " " not in assigned[2].strip("\"'"):
            known[assigned[1]] = expand(assigned[2].strip("\"'"), known)
            continue
        argv = [expand(word, known) for word in words(command)]
        if argv and argv[0] == "cd" and len(argv) > 1:
            folder = _joined(folder, argv[1])
            continue
        nested = _shell_text(argv)
        if nested is not None:
            for call in server_calls(nested, known, scripts=scripts):
                yield replace(call, folder=_joined(folder, call.folder), line=line)
            continue
        found = server_call(argv, scripts=scripts)
        if found:
            yield replace(found, folder=folder, line=line)


def server_call(argv: list[str] | tuple[str, ...], *, scripts: bool = False) -> ServerCall | None:
    """The server command in one list of words; None when it starts none."""
    argv = list(argv)
    while argv and re.fullmatch(r"[A-Za-z_]\w*=.*", argv[0]):
        argv.pop(0)
    if not argv or argv[0] in _NAMING or argv[0].startswith("#"):
        return None
    text = " ".join(argv)
    for index, word in enumerate(argv):
        name = word.rpartition("/")[2]
        before = argv[:index]
        if before and before[-1] in _PACKAGE_OPTIONS:
            continue
        if name in SERVERS and not _ADDING & set(before):
            return _call(name, argv[index + 1:], text)
        if name == "fastapi" and argv[index + 1:index + 2] in (["run"], ["dev"]):
            return _call(f"fastapi {argv[index + 1]}", argv[index + 2:], text)
    return _other(argv, text) if scripts else None


def _call(server: str, arguments: list[str], text: str) -> ServerCall | None:
    options: list[tuple[str, str]] = []
    plain: list[str] = []
    short = _SHORT.get(server, {})
    position = 0
    while position < len(arguments):
        word = arguments[position]
        position += 1
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        name, sign, value = word.partition("=")
        if not word.startswith("--") and word[:2] in short and len(word) > 2 and not sign:
            name, sign, value = word[:2], "=", word[2:]
        name = short.get(name, name)
        following = arguments[position] if position < len(arguments) else "--"
        if not sign and name not in _SWITCHES and not following.startswith("--"):
            value = following
            position += 1
        options.append((name, value.strip("\"'")))
    app = next((w for w in plain if _IMPORT_STRING.fullmatch(w)), "")
    file = next((w for w in plain if _FILE.fullmatch(w)), "") if not app else ""
    named = dict(options)
    if server.startswith("fastapi"):
        app = named.get("--entrypoint", named.get("-e", app))
    elif server == "gunicorn" and not app:
        # gunicorn takes "main" for "main:application" and may find all in its configuration
        if not plain and "--config" not in named:
            return None
    elif not app and not any("$" in w or "{" in w for w in plain):
        return None
    return ServerCall(server, app, file, tuple(options), "", 1, text)


def _other(argv: list[str], text: str) -> ServerCall | None:
    """``python main.py``, ``python -m package`` or a program of the target's own that is given an import string."""
    for index, word in enumerate(argv):
        if re.fullmatch(r"(?:.*/)?python(?:\d(?:\.\d+)?)?", word):
            rest = [w for w in argv[index + 1:] if w not in ("-u", "-O", "-OO", "-B", "-I")]
            if rest[:1] == ["-m"] and len(rest) > 1 and re.fullmatch(r"[A-Za-z_][\w.]*", rest[1]):
                return ServerCall("python", "", f"-m {rest[1]}", (), "", 1, text)
            if rest and _FILE.fullmatch(rest[0]):
                return ServerCall("python", "", rest[0], (), "", 1, text)
            return None
    app = next((w for w in argv[1:] if _IMPORT_STRING.fullmatch(w)), "")
    worker = any(re.fullmatch(r"(?:.*/)?(?:celery|arq|rq|dramatiq|taskiq|alembic|pytest|flask)", w) for w in argv)
    return ServerCall("other", app, "", (), "", 1, text) if app and not worker else None


def called_scripts(argv: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Shell scripts that a command runs: ``bash x.sh``, ``./x.sh``, ``/app/x.sh``, an extensionless ``./start``."""
    found = []
    for index, word in enumerate(argv):
        for part in word.split() if " " in word else (word,):
            part = part.strip("\"';")
            first = index == 0 or (index == 1 and argv[0].rpartition("/")[2] in ("sh", "bash", "ash", "dash", "tini"))
            if re.fullmatch(r"[\w./${}-]+\.sh", part) or (first and re.fullmatch(r"(?:\.?/)[\w./-]+", part)):
                found.append(part)
    return tuple(found)


def _commands(script: str) -> Iterator[tuple[int, str]]:
    """(line, command): continuations joined, comments dropped, split where a shell would start another command."""
    line = 1
    for raw in re.split(r"(?<!\\)\n", script):
        start, line = line, line + raw.count("\n") + 1
        text = re.sub(r"\\\r?\n", " ", raw).strip().lstrip("@-")
        if not text or text.startswith("#"):
            continue
        for part in _split(re.sub(r"\s#\s.*$", "", text)):
            part = re.sub(r"^(?:then|do|else|\{|\(|!)\s+", "", part.strip())
            if part:
                yield start, part


def _split(text: str) -> list[str]:
    """Split at separators outside quotes."""
    if "\"" not in text and "'" not in text:
        return _SEPARATOR.split(text)
    parts, start, quote = [], 0, ""
    position = 0
    while position < len(text):
        char = text[position]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        else:
            match = _SEPARATOR.match(text, position)
            if match:
                parts.append(text[start:position])
                start = position = match.end()
                continue
        position += 1
    return [*parts, text[start:]]


def _shell_text(argv: list[str]) -> str | None:
    """The text of ``sh -c '…'``, wherever in the words it stands."""
    for index, word in enumerate(argv[:-2] if len(argv) > 2 else ()):
        if word.rpartition("/")[2] in ("sh", "bash", "ash", "dash") and re.fullmatch(r"-[a-z]*c", argv[index + 1]):
            return argv[index + 2]
    return None


def _joined(folder: str, step: str) -> str:
    if not step or not folder or step.startswith(("/", "$")):
        return step or folder
    return f"{folder.rstrip('/')}/{step}"


def strings_in(text: str) -> list[str]:
    """Import strings that stand as literals in the text of a Python file which names a server."""
    return _LITERAL.findall(text) if any(server in text for server in SERVERS) else []


def specs_in(text: str) -> list[str]:
    """Import strings that the text of a Python file hands to ``uvicorn.run``."""
    return _RUN.findall(text) if "uvicorn.run(" in text else []
