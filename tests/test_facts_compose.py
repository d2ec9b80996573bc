"""Compose files: anchors, merges, extends, short and long forms."""
# ruff: noqa: E501 - the texts of small files stand on one line

from __future__ import annotations

import pytest

from readybook.facts.compose import ComposeService, compose_services
from readybook.facts.yamlnodes import MAX_WEIGHT, yaml_documents
from readybook.project import Project

COMPOSE = """\
x-defaults: &defaults
  restart: unless-stopped
  environment:
    - DEBUG=1
    - TOKEN
services:
  api:
    <<: *defaults
    build:
      context: ./backend
      dockerfile: docker/Dockerfile.prod
      target: runtime
      args: {VERSION: 1}
    command: ["uvicorn", "app.main:app", "--reload"]
    ports:
      - "8000:80"
      - "127.0.0.1:${PORT:-9000}:81/tcp"
      - target: 82
        published: 8082
      - 83
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost/health"]
      interval: 10s
    depends_on:
      db: {condition: service_healthy}
    env_file: [.env, {path: other.env, required: false}]
    deploy:
      replicas: 3
      resources: {limits: {memory: 1g}}
  worker:
    extends: {service: api}
    command: celery -A app worker
    environment:
      EXTRA: "yes"
      EMPTY:
  db:
    image: ${REGISTRY:-docker.io}/postgres:16@sha256:aa
    restart: "no"
    healthcheck: {disable: true}
"""


def services(files: dict[str, str]) -> dict[str, ComposeService]:
    return {s.name: s for s in compose_services(Project.from_files(files))}


def test_a_service_in_full() -> None:
    api = services({"deploy/compose.yml": COMPOSE})["api"]
    assert api.build is not None
    assert (api.build.context, api.build.dockerfile) == ("deploy/backend", "deploy/backend/docker/Dockerfile.prod")
    assert (api.build.target, api.build.args) == ("runtime", (("VERSION", "1"),))
    assert api.command == ("uvicorn", "app.main:app", "--reload")
    assert [(p.host, p.published, p.target) for p in api.ports] == [
        ("", "8000", "80"),
        ("127.0.0.1", "9000", "81"),
        ("", "8082", "82"),
        ("", "", "83"),
    ]
    assert [p.place.line for p in api.ports] == [16, 17, 18, 20]
    assert api.healthcheck == {"test": ["CMD", "curl", "-f", "http://localhost/health"], "interval": "10s"}
    assert api.depends_on == (("db", "service_healthy"),)
    assert api.env_file == ("deploy/.env", "deploy/other.env")
    assert (api.restart, api.replicas, api.limits) == ("unless-stopped", 3, True)
    assert [(v.name, v.value) for v in api.environment] == [("DEBUG", "1"), ("TOKEN", None)]
    assert (api.place.line, api.place.end_line) == (7, 29)
    assert api.command_place is not None
    assert api.command_place.line == 14


def test_extends_keeps_what_is_not_replaced() -> None:
    worker = services({"compose.yml": COMPOSE})["worker"]
    assert worker.command == ("celery", "-A", "app", "worker")
    assert worker.build is not None
    assert worker.restart == "unless-stopped"


def test_extends_another_file_and_not_itself_for_ever() -> None:
    found = services(
        {
            "compose.yml": "services:\n  a:\n    extends: {file: base/common.yml, service: b}\n    image: x\n",
            "base/common.yml": "services:\n  b:\n    restart: always\n    extends: {file: ../compose.yml, service: a}\n",
        }
    )
    assert (found["a"].restart, found["a"].image and found["a"].image.name) == ("always", "x")


def test_image_and_disabled_healthcheck() -> None:
    db = services({"compose.yml": COMPOSE})["db"]
    assert db.image is not None
    assert (db.image.name, db.image.tag, db.image.digest) == ("docker.io/postgres", "16", "sha256:aa")
    assert db.healthcheck == {"disable": True}
    assert db.restart == "no"


@pytest.mark.parametrize(
    ("path", "development", "override"),
    [
        ("docker-compose.yml", False, False),
        ("compose.prod.yaml", False, False),
        ("compose.override.yml", True, True),
        ("docker-compose.dev.yml", True, False),
        ("dev-docker-compose.yaml", True, False),
        (".devcontainer/docker-compose.yml", True, False),
    ],
)
def test_development_files(path: str, development: bool, override: bool) -> None:
    service = services({path: "services:\n  a: {image: x}\n"})["a"]
    assert (service.development, service.override) == (development, override)


@pytest.mark.parametrize(("target", "development"), [("dev", True), ("api-dev", True), ("prod", False), ("", False)])
def test_a_stage_that_is_named_for_development_is_not_deployed(target: str, development: bool) -> None:
    text = f"services:\n  api:\n    build:\n      context: .\n      target: {target}\n"
    files = {"compose.yml": text, "Dockerfile": "FROM python:3.13-slim AS dev\nFROM python:3.13-slim AS prod\n"}
    assert [s.development for s in compose_services(Project.from_files(files))] == [development]


def test_a_plain_file_beside_one_for_production_is_the_developers() -> None:
    text = "services:\n  a: {image: x}\n"
    found = compose_services(Project.from_files({"compose.yml": text, "compose.prod.yml": text}))
    assert [(s.path, s.development) for s in found] == [("compose.prod.yml", False), ("compose.yml", True)]


def test_paths_that_leave_the_target_are_not_known() -> None:
    api = services({"compose.yml": "services:\n  a:\n    build: ../other\n    env_file: [/etc/passwd, ../x.env]\n"})[
        "a"
    ]
    assert api.build is not None
    assert (api.build.context, api.build.dockerfile, api.env_file) == ("", "", ("", ""))


def test_other_yaml_is_no_compose_file() -> None:
    assert not services({"k8s/app.yml": "services:\n  a: {image: x}\n", "compose.yml": "other: 1\n"})


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "&a [*a]",
        "[" * 100_000,
        "- " * 50_000,
        "{" * 5000,
        "a: b: c",
        "\t- x",
        "- a\n" * 250_000,
        "%YAML 9.9\n---\n*x",
        "? [a]\n: &b\n  <<: *b",
        "\x00",
    ],
)
def test_hostile_yaml_is_a_problem_and_no_more(text: str) -> None:
    documents = yaml_documents(text)
    assert documents.problem
    assert not documents.nodes


def test_yaml_lines_tags_and_plain_values() -> None:
    node = yaml_documents(
        "on: push\nport: 12:30\nblock: |\n  a\n  b\nnumber: 3\nflag: true\nnone: ~\ntagged: !reset 1\n"
    ).nodes[0]
    assert node.plain() == {
        "on": "push",
        "port": "12:30",
        "block": "a\nb\n",
        "number": 3,
        "flag": True,
        "none": None,
        "tagged": "1",
    }
    block = node.get("block")
    assert block is not None
    assert (block.key_line, block.end_line) == (3, 5)
    assert node.weight < MAX_WEIGHT
    tagged = node.get("tagged")
    assert tagged is not None
    assert tagged.tag == "!reset"


def test_a_service_that_builds_the_developers_image_is_theirs() -> None:
    files = {
        "compose.yml": "services:\n  web:\n    build: ./api\n  job:\n    build: ./job\n",
        "deploy/compose.prod.yml": "services:\n  web:\n    build: ../api\n",
        **dict.fromkeys(["api/Dockerfile", "api/Dockerfile.prod", "job/Dockerfile"], "FROM python:3.13\n"),
    }
    found = compose_services(Project.from_files(files))
    assert [(s.path, s.name, s.development) for s in found] == [
        ("compose.yml", "web", True), ("compose.yml", "job", False), ("deploy/compose.prod.yml", "web", False),
    ]
