"""Health checks of containers, read: which program asks which address, and whether the image has that program."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable
from typing import Any

from readybook.facts.compose import ComposeService
from readybook.facts.containers import Dockerfile
from readybook.facts.dockerinstructions import Instruction, expand, words
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

_LOCAL = r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])"
_URL = regex(rf"(?P<scheme>https?)://(?P<host>{_LOCAL})(?::(?P<port>\d+))?(?P<path>/[\w/.~%-]*)?(?P<next>.?)")
_BARE = regex(rf"(?<![\w./-])(?P<host>{_LOCAL}):(?P<port>\d+)(?P<path>/[\w/.~%-]*)?(?P<next>.?)")
_SENT_HOST = regex(r"""(?<![\w/.-])["']?host["']?\s*:\s*["']?([\w.-]+)""", re.IGNORECASE)
_OWN_LIMIT = regex(r"--max-time|--connect-timeout|--timeout|\btimeout\s*=|(?:^|\s)-[mT]\s*\d"
                   r"|\btimeout\s+(?:-\S+\s+)*\d|\bcreate_connection\([^)]*\),\s*\d|setdefaulttimeout")
_FAILS = regex(r"--fail(?:-with-body)?\b|(?:^|\s)-[a-zA-Z]*f[a-zA-Z]*\b")
_FOLLOWS = regex(r"--location\b|(?:^|\s)-[a-zA-Z]*L[a-zA-Z]*\b")
_PYTHON = regex(r"python[\d.]*")
_IMPORTED = regex(r"(?:^|[;\n\"' ])(?:import|from)\s+([A-Za-z_]\w*)")
_WRAPPERS = frozenset({"timeout", "exec", "env", "nice", "sudo", "!", "if", "test", "[", "uv", "run", "poetry",
                       "pipenv", "pdm"})
CLIENTS = frozenset({"curl", "wget", "http", "https", "nc", "netcat", "ncat", "telnet"})


@record
class ContainerCheck:
    """A container's health check.

    ``off``: it is switched off. ``timed``: it has a time limit of its own. ``program`` is the first program that asks
    (``python`` whatever its version, empty when not known), ``modules`` the Python modules its code imports. ``port``,
    ``path`` and ``scheme`` are those of the local address it asks (``path`` None: not known), ``host`` the Host it
    sends. ``fails``: an error status fails the check; ``follows``: it follows redirects; ``forwarded``: it says
    that TLS ended before it.
    """

    place: Place
    script: str
    off: bool = False
    timed: bool = True
    program: str = ""
    modules: tuple[str, ...] = ()
    scheme: str = ""
    host: str = ""
    port: str = ""
    path: str | None = None
    fails: bool = True
    follows: bool = True
    forwarded: bool = False


def dockerfile_check(dockerfile: Dockerfile) -> ContainerCheck | None:
    """The health check of a Dockerfile's final image; None when it has none."""
    found = dockerfile.healthcheck
    if found is None:
        return None
    if found.text.strip().upper() == "NONE":
        return ContainerCheck(found.place, "NONE", off=True)
    argv = found.argv if found.exec_form else ("/bin/sh", "-c", found.text.partition(" ")[2])
    return _read(argv, found.place, bool(found.flag("timeout")), dict(dockerfile.env))


def compose_check(service: ComposeService) -> ContainerCheck | None:
    """The health check of a compose service; None when it has none or leaves the command to the image."""
    data, place = service.healthcheck, service.healthcheck_place or service.place
    if not isinstance(data, dict):
        return None
    test = data.get("test")
    if data.get("disable") is True or test in ("NONE", ["NONE"]):
        return ContainerCheck(place, "NONE", off=True)
    argv = _test_words(test)
    if argv is None:
        return None
    values = {v.name: v.value for v in service.environment if v.value is not None}
    return _read(argv, place, "timeout" in data, values)


def _test_words(test: Any) -> tuple[str, ...] | None:
    if isinstance(test, str) and test.strip():
        return ("/bin/sh", "-c", test.replace("$$", "$"))
    if not isinstance(test, list | tuple) or len(test) < 2:
        return None
    rest = tuple(str(word).replace("$$", "$") for word in test[1:])
    return ("/bin/sh", "-c", rest[0]) if test[0] == "CMD-SHELL" else rest if test[0] == "CMD" else None


def _read(argv: tuple[str, ...], place: Place, timed: bool, values: dict[str, str]) -> ContainerCheck:
    shell = len(argv) == 3 and posixpath.basename(argv[0]) in ("sh", "bash", "ash") and re.fullmatch(r"-\w*c", argv[1])
    script = expand(argv[2], values) if shell else " ".join(argv)
    program, code = _program(script) if shell else _exec_program(argv)
    where = _URL.search(script) or (_BARE.search(script) if program in CLIENTS else None)
    known = where is not None and where["next"] not in ("$", "{", "*")
    sent = _SENT_HOST.search(script)
    is_python = program == "python"
    return ContainerCheck(
        place, script, timed=timed or bool(_OWN_LIMIT.search(script)), program=program,
        modules=tuple(dict.fromkeys(_IMPORTED.findall(code))) if is_python else (),
        scheme=(where.groupdict().get("scheme") or "http") if where else "",
        host=sent[1] if sent else where["host"] if where else "",
        port=(where["port"] or "") if where else "",
        path=(where["path"] or "/") if where is not None and known else None,
        fails=bool(_FAILS.search(script)) if program == "curl" else True,
        follows=bool(_FOLLOWS.search(script)) if program == "curl" else True,
        forwarded="x-forwarded-proto" in script.lower(),
    )


def _program(script: str) -> tuple[str, str]:
    """(program, code) of the first known client in a shell text."""
    try:
        parts = list(shlex.shlex(script, posix=True, punctuation_chars="|&;()"))
    except ValueError:
        parts = list(words(script))
    for index, word in enumerate(parts):
        first = index == 0 or set(parts[index - 1]) <= set("|&;()") or parts[index - 1] in _WRAPPERS or (
            index > 1 and parts[index - 2] == "timeout")
        name = posixpath.basename(word)
        if first and name in CLIENTS:
            return name, ""
        if first and _PYTHON.fullmatch(name):
            return "python", script
    return "", ""


def _exec_program(argv: Iterable[str]) -> tuple[str, str]:
    argv = list(argv)
    for index, word in enumerate(argv):
        name = posixpath.basename(word)
        if name in CLIENTS or _PYTHON.fullmatch(name):
            return ("python", " ".join(argv[index + 1:])) if _PYTHON.fullmatch(name) else (name, "")
        if word not in _WRAPPERS and not word.startswith("-") and not word.isdecimal():
            return "", ""
    return "", ""


def has_program(dockerfile: Dockerfile, program: str) -> bool | None:
    """Whether the final image has a client program; None when its base image or what it runs is not known."""
    told = [i for i in dockerfile.final_instructions if i.keyword in ("RUN", "COPY", "ADD")]
    named = re.compile(rf"(?<![\w./-]){re.escape(program)}(?![\w-])|/{re.escape(program)}(?![\w-])")
    if any(named.search(i.script) for i in told):
        return None if any(_removes(i, program) for i in told) else True
    base = _base_has(dockerfile, program)
    if base is not False:
        return base
    # what a variable or a script installs is not seen
    hidden = any(re.search(r"install[^&;\n]*\$|\.sh\b|xargs|ansible|playwright|<\s*\w", i.script) for i in told
                 if i.keyword == "RUN")
    return None if hidden else False


def _removes(instruction: Instruction, program: str) -> bool:
    return bool(re.search(rf"\b(?:purge|remove|del|autoremove)\b[^&;|\n]*\b{re.escape(program)}\b", instruction.script))


def _base_has(dockerfile: Dockerfile, program: str) -> bool | None:
    """Whether the outside base image brings a program: full Python images have curl and wget, slim ones neither."""
    base = dockerfile.outside_base
    name = base.name.removeprefix("docker.io/").removeprefix("library/").removeprefix("public.ecr.aws/docker/library/")
    alpine = "alpine" in base.tag or name == "alpine"
    if not base.resolved:
        return None
    if alpine and (name in ("python", "alpine") or name.endswith("/uv")):
        return program in ("wget", "nc")
    if name == "python" or name.endswith("astral-sh/uv"):
        return program in ("curl", "wget") if name == "python" and "slim" not in base.tag else False
    return False if name == "debian" or name == "ubuntu" else None
