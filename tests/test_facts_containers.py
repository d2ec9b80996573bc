"""Dockerfiles: grammar, stages, and what the final image does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readybook.facts.containers import Dockerfile, dockerfiles, image, is_dockerfile, parse_dockerfile
from readybook.facts.dockerinstructions import expand, instructions
from readybook.project import Project

STAGED = """\
# syntax=docker/dockerfile:1
ARG PYTHON=3.12
FROM --platform=linux/amd64 python:${PYTHON}-slim AS builder
RUN apt-get update && \\
    # compilers for wheels
    apt-get install -y gcc \\

    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN <<EOF
set -e
USER nobody-here
pip install -r requirements.txt
EOF

FROM builder as base
ENV PORT=8000 HOST="0.0.0.0"
WORKDIR /srv
WORKDIR app
ARG RUNNER=app
USER ${RUNNER}:app

FROM base
COPY --from=builder --chown=app:app /x /y
HEALTHCHECK --interval=30s --timeout=5s CMD ["curl", "-f", "http://localhost:8000/health"]
ENTRYPOINT ["tini", "--"]
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0"]
"""


def parsed(text: str, path: str = "Dockerfile", target: str = "") -> Dockerfile:
    dockerfile = parse_dockerfile(path, text, target)
    assert dockerfile is not None
    return dockerfile


def test_stages_and_effects() -> None:
    dockerfile = parsed(STAGED)
    assert [(s.alias, s.base.name, s.base.tag, s.base.stage) for s in dockerfile.stages] == [
        ("builder", "python", "3.12-slim", None),
        ("base", "builder", "", 0),
        ("", "base", "", 1),
    ]
    assert dockerfile.stages[0].platform == "linux/amd64"
    assert dockerfile.outside_base.reference == "python:3.12-slim"
    assert [s.place.line for s in dockerfile.stages] == [3, 16, 23]
    assert dockerfile.command == ("tini", "--", "uvicorn", "app.main:app", "--host", "0.0.0.0")
    assert dockerfile.workdir == "/srv/app"
    assert dockerfile.env == (("PORT", "8000"), ("HOST", "0.0.0.0"))
    assert dockerfile.runs_as_root == "no"
    assert dockerfile.user is not None
    assert (dockerfile.user.text, dockerfile.user.place.line) == ("app:app", 21)
    assert dockerfile.python
    check = dockerfile.healthcheck
    assert check is not None
    assert (check.argv, check.flag("timeout"), check.exec_form) == (
        ("curl", "-f", "http://localhost:8000/health"),
        "5s",
        True,
    )


def test_continuations_comments_and_heredocs() -> None:
    first, second = [i for i in parsed(STAGED).stages[0].instructions if i.keyword == "RUN"]
    assert first.text == "apt-get update && apt-get install -y gcc && rm -rf /var/lib/apt/lists/*"
    assert (first.place.line, first.place.end_line) == (4, 8)
    assert second.heredoc.split("\n") == ["set -e", "USER nobody-here", "pip install -r requirements.txt"]
    assert (second.place.line, second.place.end_line) == (10, 14)


def test_escape_directive_for_windows() -> None:
    text = "# escape=`\nFROM mcr/windows\nRUN dir C:\\ && `\n  echo hi\nCMD run\n"
    assert [i.text for i in parsed(text).final.instructions] == ["dir C:\\ && echo hi", "run"]


def test_target_stage() -> None:
    dockerfile = parsed(STAGED, target="BASE")
    assert len(dockerfile.stages) == 2
    assert dockerfile.command == ()
    assert parse_dockerfile("Dockerfile", STAGED, "missing") is None


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("FROM python:3.12", "yes"),
        ("FROM python:3.12\nUSER root", "yes"),
        ("FROM python:3.12\nUSER 0:0", "yes"),
        ("FROM python:3.12\nUSER app\nUSER root", "yes"),
        ("FROM python:3.12\nUSER 1000", "no"),
        ("FROM python:3.12\nARG U=app\nUSER $U", "no"),
        ("FROM python:3.12\nARG U\nUSER $U", "unknown"),
        ("FROM company/base:1", "unknown"),
        ("FROM gcr.io/distroless/python3:nonroot", "no"),
        ("FROM python:3.12 AS a\nUSER app\nFROM python:3.12", "yes"),
        ("FROM python:3.12 AS a\nUSER app\nFROM a", "no"),
    ],
)
def test_runs_as_root(body: str, answer: str) -> None:
    assert parsed(body + "\n").runs_as_root == answer


def test_command_forms() -> None:
    assert parsed("FROM x\nCMD uvicorn app:app --port 80\n").command == ("uvicorn", "app:app", "--port", "80")
    assert parsed('FROM x\nENTRYPOINT ./run.sh\nCMD ["a"]\n').command == ("./run.sh",)
    # an ENTRYPOINT takes away the CMD of the image below, not one of its own stage
    assert parsed('FROM x AS a\nCMD ["a"]\nFROM a\nENTRYPOINT ["e"]\n').command == ("e",)
    assert parsed('FROM x\nCMD ["a"]\nENTRYPOINT ["e"]\n').command == ("e", "a")
    assert not instructions("Dockerfile", "CMD ['not', 'json']\n")[0].exec_form


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("python", ("python", "", "")),
        ("python:3.12-slim", ("python", "3.12-slim", "")),
        ("localhost:5000/team/api", ("localhost:5000/team/api", "", "")),
        ("ghcr.io/a/b:1@sha256:ff", ("ghcr.io/a/b", "1", "sha256:ff")),
    ],
)
def test_image_reference(reference: str, expected: tuple[str, str, str]) -> None:
    parts = image(reference)
    assert (parts.name, parts.tag, parts.digest) == expected


def test_unresolved_base_is_said() -> None:
    assert not parsed("ARG BASE\nFROM ${BASE}:1\n").outside_base.resolved
    assert parsed("ARG BASE\nFROM ${BASE:-python:3.12}\n").outside_base.reference == "python:3.12"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("$A/x", "1/x"),
        ("${B:-2}", "2"),
        ("${B-$A}", "1"),
        ("${A:+y}", "y"),
        ("${B:+y}", ""),
        ("$B", "$B"),
        ("\\$A", "\\$A"),
        ("${B:-${A}}", "1"),
    ],
)
def test_expand(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


def test_which_files_are_dockerfiles() -> None:
    names = [
        "Dockerfile",
        "dockerfile",
        "backend/Dockerfile.prod",
        "web.dockerfile",
        "Containerfile",
        "docker/prod.Dockerfile",
    ]
    others = [
        "Dockerfile.j2",
        "Dockerfile-template",
        ".dockerignore",
        "Dockerfile.dockerignore",
        "dockerfile.py",
        "Dockerfile.md",
    ]
    assert all(map(is_dockerfile, names))
    assert not any(map(is_dockerfile, others))
    project = Project.from_files({**dict.fromkeys(names + others, "FROM x\n"), "empty/Dockerfile": "# nothing\n"})
    assert [d.path for d in dockerfiles(project)] == sorted(names)
    assert [d.path for d in dockerfiles(Project.from_files({"Dockerfile.dev": "FROM x"})) if d.development] == [
        "Dockerfile.dev"
    ]


def test_a_plain_dockerfile_beside_one_for_production_is_the_developers() -> None:
    files = dict.fromkeys(["api/Dockerfile", "api/Dockerfile.prod", "web/Dockerfile"], "FROM python:3.13\n")
    found = dockerfiles(Project.from_files(files))
    assert [d.path for d in found if d.development] == ["api/Dockerfile"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *STAGED.split("\n"),
                "RUN a <<X",
                "X",
                "\\",
                "# escape=`",
                "FROM",
                "FROM $A as",
                "CMD [",
                "ENV",
                "ARG",
                "USER",
                "HEALTHCHECK",
                "HEALTHCHECK NONE",
                "ONBUILD RUN x",
                "\0",
            ]
        ),
        max_size=25,
    )
)
def test_any_lines_give_an_answer(lines: list[str]) -> None:
    text = "\n".join(lines)
    dockerfile = parse_dockerfile("Dockerfile", text)
    for instruction in instructions("Dockerfile", text):
        assert 1 <= instruction.place.line <= (instruction.place.end_line or 0) <= len(lines)
    if dockerfile:
        assert dockerfile.runs_as_root in ("yes", "no", "unknown")
        assert dockerfile.lineage[-1] is dockerfile.final
