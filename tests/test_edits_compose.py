"""Compose files get a service or a variable more, and every other line stays as it is."""

from __future__ import annotations

import pytest
import yaml
from readybook import Project
from readybook.edits import apply
from readybook.errors import PatchError
from readybook.facts.compose import compose_services
from readybook.intents import AppendLine, EnsureComposeService, EnsureComposeVariable, Intent

PLAIN = (
    "services:\n  web:  # the API\n    image: shop\n    environment:\n      A: b  # kept\n\n  # the cache\n"
    "  cache:\n    image: redis:7\n\n# data\nvolumes:\n  data:\n"
)
WORKER = EnsureComposeService("compose.yml", "worker", "image: shop\ndepends_on:\n  - cache\n")
URL = EnsureComposeVariable("compose.yml", "web", "URL", "redis://cache:6379/1")
WANTED = EnsureComposeVariable("compose.yml", "api", "IPS", "10.0.0.0/8,a")
OTHER = "  db:\n    image: postgres:17\n"


def edited(text: str, *intents: Intent) -> str:
    """The file after the intents, which must change nothing when they are carried out again."""
    project = Project.from_files({"compose.yml": text})
    after = project.with_files(apply(project, intents))
    assert not apply(after, intents)
    return after.text("compose.yml")


def test_a_service_comes_after_the_last_one() -> None:
    new = "    image: redis:7\n\n  worker:\n    image: shop\n    depends_on:\n      - cache\n"
    assert edited(PLAIN, WORKER) == PLAIN.replace("    image: redis:7\n", new)


@pytest.mark.parametrize(("before", "after"), [
    ("    environment:\n      A: b  # kept\n", "    environment:\n      A: b  # kept\n      URL: redis://cache:6379/1\n"),
    ("    environment:\n      - A=b\n", "    environment:\n      - A=b\n      - URL=redis://cache:6379/1\n"),
    ("    environment:\n    - A=b\n", "    environment:\n    - A=b\n    - URL=redis://cache:6379/1\n"),
    ("", "    environment:\n      URL: redis://cache:6379/1\n"),
])
def test_a_variable_joins_the_environment_as_it_is_written(before: str, after: str) -> None:
    old = "    environment:\n      A: b  # kept\n"
    assert edited(PLAIN.replace(old, before), URL) == PLAIN.replace(old, after)


@pytest.mark.parametrize("text", [
    PLAIN.replace("\n", "\r\n"), PLAIN.partition("\n# data")[0].rstrip(), PLAIN.replace("  ", "    "),
    PLAIN.replace("web:", '"web":'), "# first\nversion: '3'\n" + PLAIN,
    PLAIN.replace("image: shop\n", "image: shop\n    command: |\n      services:\n"),
], ids=["crlf", "no end", "four", "quoted", "version", "text that looks like a key"])
def test_other_ways_to_write_it_read_back_as_meant(text: str) -> None:
    made = edited(text, WORKER, URL)
    services = {s.name: s for s in compose_services(Project.from_files({"compose.yml": made}))}
    assert set(services) == {"web", "cache", "worker"}
    assert services["worker"].image is not None and services["worker"].depends_on[0][0] == "cache"
    assert {v.name: v.value for v in services["web"].environment} == {"A": "b", "URL": "redis://cache:6379/1"}
    kept = made.replace("\r", "").split("\n")
    assert all(line in kept for line in text.replace("\r", "").split("\n"))
    assert text.count("\r\n") == 0 or made.count("\r\n") == made.count("\n")


@pytest.mark.parametrize("text", [
    "services: {web: {image: shop}}\n", "x: 1\n", "services:\n", "services:\n  web: {image: a}\n",
])
def test_what_is_not_written_line_by_line_is_refused(text: str) -> None:
    with pytest.raises(PatchError):
        apply(Project.from_files({"compose.yml": text}), (URL,))


@pytest.mark.parametrize(("before", "expected"), [
    ("    environment:\n      A: b  # why\n    image: x\n",
     "    environment:\n      A: b  # why\n      IPS: \"10.0.0.0/8,a\"\n    image: x\n"),
    ("    environment:\n    - A=b\n    image: x\n",
     "    environment:\n    - A=b\n    - IPS=10.0.0.0/8,a\n    image: x\n"),
    ("    image: x\n\n    # a remark\n    ports:\n      - \"80:80\"\n",
     "    image: x\n\n    # a remark\n    ports:\n      - \"80:80\"\n    environment:\n      IPS: \"10.0.0.0/8,a\"\n"),
])
def test_the_entry_joins_those_of_its_service(before: str, expected: str) -> None:
    text = f"services:\n  api:\n{before}{OTHER}"
    got = edited(text, WANTED)
    assert got == f"services:\n  api:\n{expected}{OTHER}"
    service = yaml.safe_load(got)["services"]["api"]
    assert "10.0.0.0/8,a" in str(service["environment"]) and service["image"] == "x"
    assert edited(text.replace("\n", "\r\n"), WANTED) == got.replace("\n", "\r\n")
    last = edited(text.removesuffix(OTHER).removesuffix("\n"), WANTED)
    assert last.rstrip("\n") == got.removesuffix(OTHER).rstrip("\n")


@pytest.mark.parametrize("text", [
    "services:\n  api: {image: x}\n",
    "services:\n  api:\n    environment: {A: b}\n",
    "services:\n  db:\n    image: x\n",
    "x-env: &env\n  A: b\nservices:\n  api:\n    environment: *env\n",
    "services:\n  api: &a\n    environment:\n      <<: {A: b}\n",
    "a: [\n",
])
def test_what_is_written_in_another_way_is_refused(text: str) -> None:
    with pytest.raises(PatchError, match="compose.yml"):
        apply(Project.from_files({"compose.yml": text}), [WANTED])


def test_a_line_is_appended_once() -> None:
    intent = AppendLine("compose.yml", "worker: run", r"^worker\s*:")
    assert edited("web: serve", intent) == "web: serve\nworker: run\n"
    assert edited("worker : other\r\n", intent) == "worker : other\r\n"
    assert edited("web: serve\r\n", intent) == "web: serve\r\nworker: run\r\n"
