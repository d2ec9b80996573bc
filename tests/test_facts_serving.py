"""Commands that start the application, wherever they stand."""
# ruff: noqa: E501 - the texts of small files stand on one line

from __future__ import annotations

import pytest

from readybook.facts.servercommands import ServerCall, server_calls
from readybook.facts.serving import ServeCommand, gunicorn_configs, serve_commands
from readybook.project import Project


def calls(script: str, **values: str) -> list[ServerCall]:
    return list(server_calls(script, values))


def commands(files: dict[str, str]) -> tuple[ServeCommand, ...]:
    return serve_commands(Project.from_files(files))


@pytest.mark.parametrize(
    ("script", "server", "app"),
    [
        ("uvicorn app.main:app --reload", "uvicorn", "app.main:app"),
        ("python -m uvicorn app.main:app", "uvicorn", "app.main:app"),
        ("poetry run uvicorn main:app", "uvicorn", "main:app"),
        ("uv run --with uvicorn uvicorn main:app", "uvicorn", "main:app"),
        (
            "A=1 exec /venv/bin/gunicorn -k uvicorn.workers.UvicornWorker 'shop:create_app()' -w 4",
            "gunicorn",
            "shop:create_app()",
        ),
        ("alembic upgrade head && hypercorn main:app -b 0.0.0.0:80", "hypercorn", "main:app"),
        ("granian --interface asgi main:app", "granian", "main:app"),
        ("fastapi run --entrypoint a.b:app", "fastapi run", "a.b:app"),
        ("fastapi dev", "fastapi dev", ""),
        ("sh -c 'sleep 1; uvicorn main:app'", "uvicorn", "main:app"),
        ("if true; then uvicorn main:app; fi", "uvicorn", "main:app"),
        ("nohup uvicorn main:app > log 2>&1 &", "uvicorn", "main:app"),
        ("gunicorn -c conf.py", "gunicorn", ""),
        ("MODULE=main:app\nuvicorn $MODULE", "uvicorn", "main:app"),
        ("uvicorn ${MODULE:-main:app}", "uvicorn", "main:app"),
        ("ddtrace-run uvicorn main:app", "uvicorn", "main:app"),
    ],
)
def test_commands_that_serve(script: str, server: str, app: str) -> None:
    assert [(c.server, c.app) for c in calls(script)] == [(server, app)]


@pytest.mark.parametrize(
    "script",
    [
        "pip install uvicorn gunicorn",
        "uv add 'uvicorn[standard]'",
        "pkill -f uvicorn",
        "echo uvicorn main:app",
        "# uvicorn main:app",
        "grep uvicorn main:app",
        "uvicorn --version",
        "which gunicorn",
        "poetry add uvicorn",
        "celery -A app worker",
        "gunicorn",
    ],
)
def test_commands_that_do_not(script: str) -> None:
    assert calls(script) == []


def test_options_lines_and_folders() -> None:
    first, second = calls(
        "cd backend\ncd src && uvicorn main:app \\\n  --host=0.0.0.0 --port 80 --workers 4 --proxy-headers\n"
        "gunicorn -b:9000 -w4 x:y",
        PORT="1",
    )
    assert (first.folder, first.line, second.line) == ("backend/src", 2, 4)
    assert first.options == (("--host", "0.0.0.0"), ("--port", "80"), ("--workers", "4"), ("--proxy-headers", ""))
    assert second.options == (("--bind", ":9000"), ("--workers", "4"))
    assert (first.option("--port"), first.option("--reload")) == ("80", None)


def test_values_that_double_stay_small() -> None:
    script = "A=xxxxxxxxxx\n" + "".join(
        f"{b}=${a}${a}\n" for a, b in zip("ABCDEFGHIJKLMNOPQRSTUVWXY", "BCDEFGHIJKLMNOPQRSTUVWXYZ", strict=True)
    )
    (call,) = calls(script + "uvicorn main:app --root-path $Z\n")
    assert len(call.text) < 5000


APP = {"backend/app/__init__.py": "", "backend/app/main.py": "app = 1\n"}


def test_dockerfile_compose_and_script() -> None:
    found = commands(
        {
            **APP,
            "backend/Dockerfile": 'FROM python\nENV PORT=8000\nENTRYPOINT ["./entrypoint.sh"]\nCMD ["uvicorn", "app.main:app", "--port", "$PORT"]\n',
            "backend/entrypoint.sh": 'set -e\nalembic upgrade head\nexec "$@"\n',
            "compose.override.yml": "services:\n  api:\n    build: backend\n    command: uvicorn app.main:app --reload --workers 2\n",
        }
    )
    assert [
        (c.purpose, c.source, c.server, c.app, c.file, c.root, c.reload, c.workers, c.port, c.place.line) for c in found
    ] == [
        ("deploy", "dockerfile", "uvicorn", "app.main:app", "backend/app/main.py", "backend", False, None, "8000", 4),
        ("development", "compose", "uvicorn", "app.main:app", "backend/app/main.py", "backend", True, 2, "", 4),
    ]
    assert found[1].service == "api"


def test_a_script_that_the_image_calls_is_followed() -> None:
    found = commands(
        {
            **APP,
            "Dockerfile": "FROM python\nWORKDIR /srv\nCMD bash /srv/scripts/start.sh\n",
            "scripts/start.sh": '#!/bin/bash\nAPP=${APP_MODULE:-app.main:app}\nexec gunicorn "$APP" -k uvicorn.workers.UvicornWorker --bind 0.0.0.0:80\n',
        }
    )
    (only,) = found
    assert (only.purpose, only.source, str(only.place), only.app, only.file) == (
        "deploy",
        "script",
        "scripts/start.sh:3",
        "app.main:app",
        "backend/app/main.py",
    )
    assert (only.host, only.port) == ("0.0.0.0", "80")


@pytest.mark.parametrize(
    ("path", "text", "source", "purpose"),
    [
        ("Procfile", "worker: celery\nweb: uvicorn app.main:app --port $PORT\n", "procfile", "deploy"),
        ("deploy/api.service", "[Service]\nExecStart=/venv/bin/uvicorn app.main:app\n", "systemd", "deploy"),
        ("supervisord.conf", "[program:api]\ncommand = uvicorn app.main:app ; the api\n", "supervisor", "deploy"),
        ("Makefile", "APP := app.main:app\nrun:\n\t@uvicorn $(APP) --reload\n", "makefile", "development"),
        (
            "render.yaml",
            "services:\n  - rootDir: backend\n    startCommand: uvicorn app.main:app\n",
            "platform",
            "deploy",
        ),
        ("railway.json", '{"deploy": {\n  "startCommand": "uvicorn app.main:app"\n}}\n', "platform", "deploy"),
        ("pyproject.toml", '[tool.poe.tasks]\nserve = "uvicorn app.main:app --reload"\n', "pyproject", "development"),
        ("pyproject.toml", '[tool.fastapi]\nentrypoint = "app.main:app"\n', "pyproject", "deploy"),
        ("README.md", "# Run\n\n```bash\n$ cd backend\n$ uvicorn app.main:app\n```\n", "document", "document"),
        (".github/workflows/e2e.yml", "jobs:\n  a:\n    steps:\n    - run: uvicorn app.main:app &\n", "ci", "ci"),
        (
            "k8s/api.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n"
            "      - name: api\n        command: [uvicorn]\n        args: ['app.main:app']\n",
            "kubernetes",
            "deploy",
        ),
        ("serve.sh", "uvicorn app.main:app\n", "script", "deploy"),
        ("scripts/dev.sh", "uvicorn app.main:app --reload\n", "script", "development"),
    ],
)
def test_other_places(path: str, text: str, source: str, purpose: str) -> None:
    (only,) = commands({**APP, path: text})
    assert (only.source, only.purpose, only.app, only.file, only.root) == (
        source,
        purpose,
        "app.main:app",
        "backend/app/main.py",
        "backend",
    )
    assert 1 <= only.place.line <= text.count("\n") + 1


def test_scripts_and_programs_of_the_target_itself() -> None:
    (script,) = commands({"src/run.py": "", "Dockerfile": "FROM x\nCMD python src/run.py\n"})
    assert (script.server, script.file, script.root) == ("python", "src/run.py", "src")
    (module,) = commands({"shop/__main__.py": "", "Dockerfile": 'FROM x\nCMD ["python", "-m", "shop"]\n'})
    assert module.file == "shop/__main__.py"
    (own,) = commands({"src/shop/main.py": "", "Dockerfile": 'FROM x\nCMD ["shop", "serve", "shop.main:app"]\n'})
    assert (own.server, own.app, own.root) == ("other", "shop.main:app", "src")
    assert commands({"a.py": "", "Dockerfile": 'FROM x\nCMD ["python", "-m", "http.server"]\n'}) == ()


def test_images_with_a_start_command_of_their_own() -> None:
    (only,) = commands(
        {"app/main.py": "", "Dockerfile": "FROM tiangolo/uvicorn-gunicorn-fastapi:python3.11\nCOPY ./app /app/app\n"}
    )
    assert (only.server, only.app, only.file) == ("gunicorn", "app.main:app", "app/main.py")


def test_fastapi_run_finds_its_file() -> None:
    (only,) = commands({**APP, "backend/Dockerfile": "FROM x\nCMD fastapi run\n"})
    assert only.file == "backend/app/main.py"


def test_the_nearest_of_two_modules_is_taken() -> None:
    files = {
        "one/main.py": "",
        "two/main.py": "",
        "two/Dockerfile": "FROM x\nCMD uvicorn main:app\n",
        "README.md": "```\ncd one\nuvicorn main:app\n```\n",
    }
    assert [c.file for c in commands(files)] == ["two/main.py", "one/main.py"]


def test_an_unknown_module_has_no_file() -> None:
    (only,) = commands({"main.py": "", "Dockerfile": "FROM x\nCMD uvicorn other.module:app\n"})
    assert (only.file, only.root) == (None, None)


def test_gunicorn_configuration() -> None:
    assert gunicorn_configs(
        Project.from_files({"gunicorn.conf.py": "", "app/gunicorn_conf.py": "", "app/x.py": ""})
    ) == ("app/gunicorn_conf.py", "gunicorn.conf.py")
