"""Dockerfiles as facts: stages, the images they start from, and what the final image runs as whom."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from readybook.facts.dockerinstructions import Instruction, assignments, expand, instructions
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

_NAME = regex(r"(?:[\w.-]+[._-])?(?:docker|container)file(?:[._-][\w.-]+)?", re.IGNORECASE)
_OTHER = (".dockerignore", ".md", ".rst", ".txt", ".sh", ".py", ".yml", ".yaml", ".json", ".toml", ".js", ".ts")
_TEMPLATE = regex(r"(?:[._-](?:j2|jinja2?|tpl|tmpl|template|in|mustache))$", re.IGNORECASE)
_DEVELOPMENT = regex(r"(?:^|[._/-])(?:dev|devel|development|local|tests?|testing|ci|debug|devcontainer|playwright)"
                     r"(?:$|[._/-])")
_PRODUCTION = regex(r"(?:^|[._-])prod(?:uction)?(?:$|[._-])", re.IGNORECASE)
_PYTHON_USE = regex(r"\b(?:python[0-9.]*|pip[0-9]*|uv|uvx|poetry|pdm|pipenv|conda|mamba|uvicorn|gunicorn|fastapi"
                    r"|hypercorn|granian)\b")
# whose images are known to start as root, or not; any other image is unknown
_ROOT_IMAGES = regex(
    r"(?:docker\.io/)?(?:(?:library|amd64|i386|arm32v[567]|arm64v8|ppc64le|riscv64|s390x)/)?"  # one per processor
    r"(?:python|debian|ubuntu|alpine|fedora|centos|rockylinux|amazonlinux|node|nginx|golang|rust"
    r"|buildpack-deps|busybox|pypy|continuumio/(?:mini|ana)conda3|tiangolo/[\w-]+|nvidia/cuda"
    r"|postgres|redis|mysql|mariadb|mongo)|ghcr\.io/astral-sh/uv|public\.ecr\.aws/docker/library/\w+"
    r"|mcr\.microsoft\.com/(?:devcontainers/python|playwright(?:/python)?)|scratch"
)
_USER_IMAGES = regex(r"cgr\.dev/chainguard/.*|.*nonroot.*|.*unprivileged.*|mambaorg/micromamba"
                     r"|(?:docker\.io/)?bitnami/.*|registry\.access\.redhat\.com/ubi\d+/python-\d+")


@record
class Image:
    """An image reference as written, ARG defaults put in. ``tag`` and ``digest`` are empty when not given.

    ``stage`` is the index of the earlier stage it names, else None; ``resolved`` is false while a variable is left.
    """

    reference: str
    name: str
    tag: str = ""
    digest: str = ""
    stage: int | None = None
    resolved: bool = True


@record
class Stage:
    """One FROM with the instructions below it; ``alias`` is its name, empty when it has none."""

    index: int
    alias: str
    base: Image
    place: Place
    instructions: tuple[Instruction, ...]
    platform: str = ""


@record
class Dockerfile:
    """One Dockerfile with at least one stage.

    ``development``: its name, its folder or one for production beside it says that it is not what is deployed.
    ``python``: it works with Python.
    ``user``, ``workdir``, ``cmd``, ``entrypoint``, ``healthcheck`` and ``env`` are those of the final image, earlier
    stages of this file that it starts from included; what the outside base image sets is not known.
    """

    path: str
    stages: tuple[Stage, ...]
    development: bool = False
    python: bool = False
    user: Instruction | None = None
    workdir: str = ""
    cmd: Instruction | None = None
    entrypoint: Instruction | None = None
    healthcheck: Instruction | None = None
    env: tuple[tuple[str, str], ...] = ()

    @property
    def final(self) -> Stage:
        """The stage that a build without ``--target`` makes."""
        return self.stages[-1]

    @property
    def lineage(self) -> tuple[Stage, ...]:
        """The stages whose layers are in the final image, the first one first."""
        chain = [self.final]
        while (below := chain[0].base.stage) is not None:
            chain.insert(0, self.stages[below])
        return tuple(chain)

    @property
    def outside_base(self) -> Image:
        """The image from outside this file on which the final image stands."""
        return self.lineage[0].base

    @property
    def final_instructions(self) -> tuple[Instruction, ...]:
        """The instructions that make the final image, in order."""
        return tuple(i for stage in self.lineage for i in stage.instructions)

    @property
    def runs_as_root(self) -> str:
        """``yes``, ``no`` or ``unknown``: whether the final image's process is root."""
        if self.user is not None:
            name = expand(self.user.text, dict(self.env)).partition(":")[0].strip("\"' ")
            if not name or "$" in name:
                return "unknown"
            return "yes" if name in ("root", "0") else "no"
        base = self.outside_base
        if _USER_IMAGES.fullmatch(base.name) or "nonroot" in base.tag:
            return "no"
        return "yes" if _ROOT_IMAGES.fullmatch(base.name) else "unknown"

    @property
    def command(self) -> tuple[str, ...]:
        """ENTRYPOINT and CMD as one line of words; a shell-form ENTRYPOINT ignores CMD."""
        entry, cmd = self.entrypoint, self.cmd
        if entry is None:
            return cmd.argv if cmd else ()
        if not entry.exec_form or cmd is None:
            return entry.argv
        return entry.argv + (cmd.argv if cmd.exec_form else ("/bin/sh", "-c", cmd.text))


def is_dockerfile(path: str) -> bool:
    """Whether a file's name says Dockerfile; templates of one are not."""
    name = path.rpartition("/")[2]
    lowered = name.lower()
    return bool(_NAME.fullmatch(name)) and not lowered.endswith(_OTHER) and not _TEMPLATE.search(lowered)


def dockerfiles(project: Project) -> tuple[Dockerfile, ...]:
    """Every Dockerfile of the target, by path; a file of that name without any FROM is left out."""
    texts = {path: file.text for path, file in sorted(project.files.items()) if is_dockerfile(path)}
    found = [dockerfile for path, text in texts.items() if (dockerfile := parse_dockerfile(path, text))]
    return tuple(replace(d, development=True) if for_development(d.path, texts) else d for d in found)


def for_development(path: str, paths: Collection[str]) -> bool:
    """Whether a Dockerfile is not what is deployed: it is named so, or one for production stands beside it."""
    return bool(_DEVELOPMENT.search(path.lower())) or _has_production_sibling(path, paths)


def _has_production_sibling(path: str, paths: Collection[str]) -> bool:
    """Whether a Dockerfile of plain name stands beside one for production: then it is the developers'."""
    folder, _, name = path.rpartition("/")
    beside = (p.rpartition("/") for p in paths)
    return name.lower() == "dockerfile" and any(f == folder and _PRODUCTION.search(n) for f, _, n in beside)


def parse_dockerfile(path: str, text: str, target: str = "") -> Dockerfile | None:
    """The facts of one Dockerfile, up to the stage ``target`` when it is given; None when it has no such stage."""
    arguments: dict[str, str] = {}
    stages: list[tuple[Stage, list[Instruction]]] = []
    for instruction in instructions(path, text):
        if instruction.keyword == "FROM":
            stages.append((_stage(instruction, arguments, [stage for stage, _ in stages]), []))
        elif stages:
            stages[-1][1].append(instruction)
        elif instruction.keyword == "ARG":
            arguments.update((name, expand(value, arguments)) for name, value in assignments(instruction.text))
    if target:
        names = ((stage.index, (stage.alias.lower(), str(stage.index))) for stage, _ in stages)
        last = next((index for index, known in names if target.lower() in known), -1)
        stages = stages[:last + 1]
    if not stages:
        return None
    whole = tuple(
        Stage(s.index, s.alias, s.base, s.place, tuple(below), s.platform) for s, below in stages
    )
    plain = Dockerfile(path, whole, bool(_DEVELOPMENT.search(path.lower())), bool(_PYTHON_USE.search(text)))
    return _with_effects(plain, arguments)


def _stage(instruction: Instruction, arguments: dict[str, str], earlier: list[Stage]) -> Stage:
    parts = instruction.text.split()
    reference = expand(parts[0], arguments) if parts else ""
    alias = parts[2] if len(parts) >= 3 and parts[1].lower() == "as" else ""
    names = {stage.alias.lower(): stage.index for stage in earlier if stage.alias}
    return Stage(len(earlier), alias, image(reference, names), instruction.place, (), instruction.flag("platform"))


def image(reference: str, stages: dict[str, int] | None = None) -> Image:
    """Take an image reference apart; ``stages`` maps lower-case stage names to their index."""
    index = (stages or {}).get(reference.lower())
    if index is not None:
        return Image(reference, reference, stage=index)
    if "$" in reference:
        return Image(reference, reference.partition("$")[0].rstrip(":@"), resolved=False)
    rest, _, digest = reference.partition("@")
    head, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return Image(reference, f"{head}{slash}{name}", tag, digest)


def _with_effects(plain: Dockerfile, arguments: dict[str, str]) -> Dockerfile:
    latest: dict[str, Instruction | None] = {}
    env: dict[str, str] = {}
    workdir = ""
    for stage in plain.lineage:
        local = dict(env)
        for instruction in stage.instructions:
            keyword, text = instruction.keyword, instruction.text
            if keyword == "ARG":
                pairs = assignments(text)
                local.update((name, expand(value, local)) for name, value in pairs)
                if not pairs and text in arguments:
                    local[text] = arguments[text]
            elif keyword == "ENV":
                pairs = tuple((name, expand(value, local)) for name, value in assignments(text))
                env.update(pairs)
                local.update(pairs)
            elif keyword == "WORKDIR":
                step = expand(text, local).strip("\"'")
                workdir = step if step.startswith("/") or not workdir else f"{workdir.rstrip('/')}/{step}"
            elif keyword in ("USER", "CMD", "ENTRYPOINT", "HEALTHCHECK"):
                if keyword == "ENTRYPOINT" and latest.get("CMD") not in stage.instructions:
                    latest["CMD"] = None  # an image's CMD does not outlive a new ENTRYPOINT
                latest[keyword] = _resolved_user(instruction, local) if keyword == "USER" else instruction
    return Dockerfile(
        plain.path, plain.stages, plain.development, plain.python, latest.get("USER"), workdir, latest.get("CMD"),
        latest.get("ENTRYPOINT"), latest.get("HEALTHCHECK"), tuple(env.items()),
    )


def _resolved_user(instruction: Instruction, values: dict[str, str]) -> Instruction:
    return Instruction("USER", expand(instruction.text, values), instruction.place)
