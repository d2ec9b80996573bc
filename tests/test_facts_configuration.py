"""Dotenv files, coverage, proxies, Alembic."""
# ruff: noqa: E501 - the texts of small files stand on one line

from __future__ import annotations

import pytest

from readybook.facts.alembic import alembic, migration_tools
from readybook.facts.coverage import Coverage, coverage
from readybook.facts.dotenv import dotenv_variables, dotenvs, is_dotenv
from readybook.facts.proxies import proxies
from readybook.facts.tomltables import header_line, ini_table, line_of
from readybook.project import Project

DOTENV = """\
# Where the database is
export DATABASE_URL="postgresql://u:p@h/db"  # the main one
# two lines
# of remarks
TOKEN = abc # short
EMPTY=
HASH=a#b
# REDIS_URL=redis://localhost
# This is not = an assignment
KEY="-----BEGIN
middle
END-----"
LAST='x # y'
not a line
"""


def test_dotenv_lines() -> None:
    found = [(v.name, v.value, v.comment, v.place.line, v.commented_out) for v in dotenv_variables(".env", DOTENV)]
    assert found == [
        ("DATABASE_URL", "postgresql://u:p@h/db", "the main one", 2, False),
        ("TOKEN", "abc", "short", 5, False),
        ("EMPTY", "", "", 6, False),
        ("HASH", "a#b", "", 7, False),
        ("REDIS_URL", "redis://localhost", "", 8, True),
        ("KEY", "-----BEGIN\nmiddle\nEND-----", "This is not = an assignment", 10, False),
        ("LAST", "x # y", "", 13, False),
    ]


@pytest.mark.parametrize(
    ("path", "example"),
    [
        (".env", False),
        (".env.example", True),
        ("backend/.env.sample", True),
        ("env.example", True),
        (".env.production", False),
        ("prod.env", False),
        (".env.local.dist", True),
        (".envs/.local/.django", False),
        ("example.env", True),
        ("env.template", True),
    ],
)
def test_dotenv_names(path: str, example: bool) -> None:
    (only,) = dotenvs(Project.from_files({path: "A=1\n"}))
    assert (only.example, only.tracked, only.names) == (example, None, {"A"})


@pytest.mark.parametrize(
    "path", ["env.py", "alembic/env.py", ".envrc", "environment.yml", "env/main.txt", "my.environment"]
)
def test_other_names(path: str) -> None:
    assert not is_dotenv(path)


def measured(files: dict[str, str]) -> list[Coverage]:
    return list(coverage(Project.from_files(files)))


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "pyproject.toml",
            "[tool.coverage.run]\nbranch = true\n[tool.coverage.report]\nfail_under = 85\n",
            ("pyproject", 4, False, 85.0, True),
        ),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\naddopts = ['-q', '--cov=app', '--cov-fail-under=80']\n",
            ("pyproject", 2, True, 80.0, False),
        ),
        (".coveragerc", "[run]\nsource = app\n", ("coveragerc", 1, False, None, False)),
        ("setup.cfg", "[x]\n[coverage:report]\nfail_under = 90.5\n", ("setup.cfg", 3, False, 90.5, False)),
        ("tox.ini", "[testenv]\ncommands = pytest --cov app\n", ("tox.ini", 2, True, None, False)),
        ("pytest.ini", "[pytest]\naddopts = --cov=app --cov-branch\n", ("pytest.ini", 2, True, None, True)),
        ("Makefile", "test:\n\tpytest --cov=app --cov-fail-under 70\n", ("script", 2, True, 70.0, False)),
        (".github/workflows/a.yml", "jobs:\n  a:\n    steps:\n    - run: pytest --cov\n", ("ci", 4, True, None, False)),
    ],
)
def test_coverage_places(path: str, text: str, expected: tuple[str, int, bool, float | None, bool]) -> None:
    (only,) = measured({path: text})
    assert (only.source, only.place.line, only.runs, only.fail_under, only.branch) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-q'\n[project]\ndependencies = ['pytest-cov']\n"},
        {"setup.cfg": "[run]\nx = 1\n"},
        {"Makefile": "# pytest --cov\ntest:\n\tpytest\n"},
        {"pyproject.toml": "[tool]\ncoverage = 1\npytest = 2\n"},
    ],
)
def test_no_coverage(files: dict[str, str]) -> None:
    assert measured(files) == []


def test_proxies() -> None:
    found = proxies(
        Project.from_files(
            {
                "nginx/site.conf": "\n\nserver {\n  listen 80;\n  client_max_body_size 5M;\n  location / { \n    proxy_pass http://api:8000;\n  }\n}\n",
                "static/nginx.conf": "server { listen 80; root /html; }\n",
                "Caddyfile": "example.com {\n  encode gzip\n  reverse_proxy api:8000\n}\n",
                "compose.yml": "services:\n  proxy:\n    image: traefik:3\n    command: [--providers.docker=true]\n  api:\n    image: nginxish/other\n",
                "k8s/ingress.yaml": "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x}\n",
                "supervisord.conf": "[program:api]\nserver {\n",
            }
        )
    )
    assert [(p.kind, p.place.path, p.forwards) for p in found] == [
        ("caddy", "Caddyfile", True),
        ("traefik", "compose.yml", True),
        ("ingress", "k8s/ingress.yaml", True),
        ("nginx", "nginx/site.conf", True),
        ("nginx", "static/nginx.conf", False),
    ]
    (limit,) = found[3].directive("client_max_body_size")
    assert (limit.value, limit.place.line) == ("5M", 5)


def test_alembic_environments() -> None:
    revision = "from alembic import op\nrevision: str = '{0}'\ndown_revision: str | None = {1}\n"
    (env,) = alembic(
        Project.from_files(
            {
                "backend/alembic.ini": "# config\n[alembic]\nscript_location = %(here)s/app/migrations\nsqlalchemy.url = postgresql://u:p@h/d\n",
                "backend/app/migrations/env.py": "from alembic import context\nfrom sqlalchemy.ext.asyncio import async_engine_from_config\n",
                "backend/app/migrations/versions/a.py": revision.format("a1", "None"),
                "backend/app/migrations/versions/b.py": revision.format("b2", "'a1'"),
                "backend/app/migrations/versions/c.py": revision.format("c3", "('a1', )"),
            }
        )
    )
    assert (env.folder, str(env.config), env.url, env.asynchronous) == (
        "backend/app/migrations",
        "backend/alembic.ini:2",
        "postgresql://u:p@h/d",
        True,
    )
    assert str(env.url_place) == "backend/alembic.ini:4"
    assert [(r.identifier, r.down) for r in env.revisions] == [("a1", ()), ("b2", ("a1",)), ("c3", ("a1",))]
    assert env.heads == ("b2", "c3")


def test_alembic_by_package_and_without_configuration() -> None:
    found = alembic(
        Project.from_files(
            {
                "alembic.ini": "[alembic]\nscript_location = shop.db:migrations\n",
                "src/shop/db/migrations/env.py": "from alembic import context\n",
                "other/env.py": "import alembic\n",
                "env.py": "x = 1\n",
                "up/alembic.ini": "[alembic]\nscript_location = ../../outside\n",
            }
        )
    )
    assert [(e.folder, e.config is not None) for e in found] == [("other", False), ("src/shop/db/migrations", True)]


def test_other_migration_tools() -> None:
    found = migration_tools(
        Project.from_files(
            {
                "pyproject.toml": "[tool.x]\n[tool.aerich]\n",
                "db/migrations/0001_x.sql": "",
                "s/migrations/0001_initial.py": "from django.db import migrations\nclass Migration(migrations.Migration):\n    pass\n",
            }
        )
    )
    assert [(t.name, t.place.line) for t in found] == [("aerich", 2), ("django", 1), ("sql", 1)]


def test_lines_in_tables() -> None:
    text = "[a]\nx = 1\n[ 'a' . b ]\nx = 2\n"
    assert (header_line(text, "a"), header_line(text, "a.b"), header_line(text, "c")) == (1, 3, 0)
    assert (line_of(text, "x", 3), line_of(text, "missing", 2)) == (4, 2)
    assert ini_table("[a]\nb\nc = %(x)s\n").data == {"a": {"b": "", "c": "%(x)s"}}
