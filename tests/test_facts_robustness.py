"""Whatever stands in the files beside the code: facts come, or a reason; nothing crashes, nothing hangs."""
# ruff: noqa: E501 - the texts of small files stand on one line

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readybook.facts.problems import problems
from readybook.facts.surroundings import Surroundings
from readybook.place import Place
from readybook.project import Project

FAMILIES = (
    "dockerfiles",
    "compose_services",
    "kubernetes",
    "helm_charts",
    "workflows",
    "packages",
    "dotenvs",
    "serve_commands",
    "gunicorn_configs",
    "coverage",
    "proxies",
    "alembic",
    "migration_tools",
)
SEEDS = {
    "Dockerfile": "ARG V=3.12\nFROM python:${V} AS base\nRUN pip install \\\n  -r requirements.txt\nFROM base\nUSER app\n"
    'HEALTHCHECK --timeout=5s CMD curl -f localhost\nCMD ["uvicorn", "app.main:app"]\n',
    "compose.yml": "x: &d {restart: always}\nservices:\n  api:\n    <<: *d\n    build: {context: ., target: base}\n"
    "    command: uvicorn app.main:app\n    ports: ['80:80']\n    environment: [A=1]\n    healthcheck: {test: [CMD, x]}\n",
    "k8s/app.yaml": "apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n"
    "      - name: a\n        image: b:c\n        livenessProbe: {httpGet: {path: /h, port: 80}}\n",
    "chart/Chart.yaml": "apiVersion: v2\nname: c\n",
    "chart/values.yaml": "replicas: 1\n",
    ".github/workflows/ci.yml": "on: [push]\njobs:\n  t:\n    runs-on: x\n    steps:\n    - uses: a/b@v1\n    - run: |\n        pytest --cov\n",
    ".gitlab-ci.yml": "test:\n  script: [pytest]\n",
    "pyproject.toml": "[project]\ndependencies = ['fastapi>=0.1']\n[tool.poetry.dependencies]\npython = '^3.11'\n[tool.coverage.report]\n"
    "fail_under = 80\n[tool.alembic]\nscript_location = 'm'\n[tool.poe.tasks]\nx = 'uvicorn a:b'\n",
    "uv.lock": '[[package]]\nname = "fastapi"\nversion = "0.1"\n',
    "Pipfile.lock": '{"default": {"a": {"version": "==1"}}}',
    "Pipfile": "[packages]\na = {version = '*', extras = ['b']}\n",
    "requirements.txt": "-r other.txt\nfastapi==0.1 --hash=sha256:a\n",
    "setup.py": "from setuptools import setup\nsetup(install_requires=['a'])\n",
    "setup.cfg": "[options]\ninstall_requires =\n  a\n[coverage:run]\nbranch = true\n",
    "environment.yml": "dependencies:\n- python=3.11\n- pip: [a]\n",
    ".env.example": 'A=1 # x\nB="y\n"\n',
    "Procfile": "web: gunicorn a:b -w 4\n",
    "start.sh": 'cd x && exec uvicorn ${A:-b:c} "$@"\n',
    "Makefile": "A := b:c\nrun:\n\tuvicorn $(A)\n",
    "nginx.conf": "server {\n  listen 80;\n  proxy_pass http://a;\n}\n",
    "Caddyfile": "a {\n  reverse_proxy b\n}\n",
    "Jenkinsfile": "sh 'pytest'\n",
    "README.md": "```\nuvicorn a:b\n```\n",
    "alembic.ini": "[alembic]\nscript_location = m\nsqlalchemy.url = x\n",
    "m/env.py": "from alembic import context\n",
    "m/versions/a.py": "revision = 'a'\ndown_revision = None\n",
}
TOKENS = [
    "\0",
    "\n",
    "\r\n",
    "\t",
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    '"',
    "'",
    "\\",
    "$",
    "${",
    "#",
    "=",
    "==",
    "|",
    "🦄",
    "null",
    "---\n",
    "!!python/object:os.system ",
    "{{ x }}",
    "-r requirements.txt\n",
    "<<EOF",
    "\ufeff",
    "é",
    "1e999",
    "0x" + "f" * 50,
]


def ask_everything(files: dict[str, str]) -> None:
    project = Project.from_files(files)
    facts = project.facts
    assert isinstance(facts, Surroundings)
    for family in FAMILIES:
        for fact in getattr(facts, family) if family != "packages" else facts.requirements:
            place = getattr(fact, "place", None)
            if isinstance(place, Place):
                assert place.path in files
                assert 1 <= place.line <= files[place.path].count("\n") + 1
    for path, reason in problems(project, facts.packages):
        assert path in files
        assert reason
    for path in files:
        facts.role(path)
    facts.version_of("fastapi")


def mutate(text: str, source: random.Random) -> str:
    for _ in range(source.randint(1, 4)):
        at = source.randint(0, len(text))
        kind = source.randrange(4)
        if kind == 0:
            text = text[:at] + source.choice(TOKENS) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + source.randint(1, 12) :]
        elif kind == 2:
            text = text[:at] + text[max(0, at - 20) : at] * source.randint(1, 3) + text[at:]
        else:
            other = source.choice(list(SEEDS.values()))
            text = text[:at] + other[source.randint(0, len(other)) :][:30] + text[at:]
    return text


def test_the_seeds_themselves_have_facts() -> None:
    facts = Project.from_files(SEEDS).facts
    for family in FAMILIES:
        if family not in ("packages", "gunicorn_configs", "migration_tools"):
            assert getattr(facts, family), family
    assert facts.requirements
    ask_everything(SEEDS)


@pytest.mark.parametrize("seed", range(25))
def test_mutated_files(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(3):
        ask_everything({path: mutate(text, source) if source.random() < 0.5 else text for path, text in SEEDS.items()})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(sorted(SEEDS)),
        st.lists(st.sampled_from(TOKENS + ["services", "jobs", "FROM", "a"]), max_size=40).map("".join),
        max_size=8,
    )
)
def test_any_tokens(files: dict[str, str]) -> None:
    ask_everything(files)


@pytest.mark.parametrize(
    "filler",
    [
        "\n",
        " ",
        "[",
        "{ ",
        "a: ",
        "- ",
        '"',
        "`",
        "<<EOF\nRUN ",
        "server",
        "a.",
        "#",
        "${A:-",
        'x="',
        "uvicorn ",
        "\\\n",
        "://",
        "A=$A$A\n",
    ],
)
def test_long_repetitions_do_not_hang(filler: str) -> None:
    ask_everything({path: text + filler * (12_000 // len(filler)) for path, text in SEEDS.items()})
