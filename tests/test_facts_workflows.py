"""CI files of several services, and what their commands do about tests."""

from __future__ import annotations

import pytest

from readybook.facts.testcommands import failure_ignored, measures_coverage, test_commands
from readybook.facts.workflows import Workflow, provider_of, workflows
from readybook.project import Project

GITHUB = """\
name: CI
on:
  push:
  pull_request:
jobs:
  test:
    runs-on: ubuntu-latest
    services: {postgres: {image: "postgres:16"}}
    steps:
      - uses: actions/checkout@v4
      - name: Install
        run: pip install pytest pytest-cov
      - name: Tests
        run: |
          # all of them
          uv run pytest --cov=app \\
            -q
      - run: make test || true
  later:
    continue-on-error: true
    steps:
      - run: pytest
"""


def one(path: str, text: str) -> Workflow:
    (found,) = workflows(Project.from_files({path: text}))
    return found


def test_github_actions() -> None:
    workflow = one(".github/workflows/ci.yml", GITHUB)
    assert (workflow.provider, workflow.name, workflow.triggers, workflow.active) == (
        "github",
        "CI",
        ("push", "pull_request"),
        True,
    )
    job, later = workflow.jobs
    assert (job.name, job.image, job.services, job.place.line) == ("test", "ubuntu-latest", ("postgres",), 6)
    assert [(s.runs_tests, s.measures_coverage, s.failure_ignored) for s in job.steps] == [
        (False, False, False),
        (False, False, False),
        (True, True, False),
        (True, False, True),
    ]
    assert (job.steps[0].uses, job.steps[2].name, job.steps[2].place.line) == ("actions/checkout@v4", "Tests", 13)
    assert later.steps[0].failure_ignored
    assert workflow.runs_tests


@pytest.mark.parametrize(
    ("path", "text", "provider"),
    [
        (
            ".gitlab-ci.yml",
            "image: python:3.12\ntest:\n  script:\n    - pip install -e .\n    - [pytest -q, echo done]\n",
            "gitlab",
        ),
        (
            ".circleci/config.yml",
            "jobs:\n  t:\n    docker: [{image: 'cimg/python:3.12'}]\n    steps: [checkout, {run: tox}]\n",
            "circleci",
        ),
        ("azure-pipelines.yml", "stages:\n- jobs:\n  - job: t\n    steps:\n    - script: python -m pytest\n", "azure"),
        (".travis.yml", "script:\n  - bash ./scripts/test.sh\n", "travis"),
        (
            "Jenkinsfile",
            "pipeline { stages { stage('t') { steps { sh 'make test'\n sh '''\npytest\n''' } } } }",
            "jenkins",
        ),
        (
            "bitbucket-pipelines.yml",
            "pipelines:\n  default:\n    - step:\n        script: [nox -s tests]\n",
            "bitbucket",
        ),
        ("cloudbuild.yaml", "steps:\n- name: python\n  args: [python, -m, pytest]\n", "cloudbuild"),
    ],
)
def test_other_services(path: str, text: str, provider: str) -> None:
    workflow = one(path, text)
    assert workflow.provider == provider
    assert workflow.runs_tests
    assert all(1 <= step.place.line <= text.count("\n") + 1 for step in workflow.steps)


def test_a_workflow_below_the_top_is_not_active() -> None:
    assert not one("backend/.github/workflows/ci.yml", GITHUB).active
    assert provider_of("github/workflows/ci.yml") == ""


@pytest.mark.parametrize(
    "command",
    [
        "pytest",
        "python -m pytest tests",
        "uv run pytest",
        "poetry run pytest -x",
        "tox -e py312",
        "nox",
        "make test",
        "just test",
        "./scripts/test.sh",
        "bash scripts/tests-start.sh",
        "coverage run -m pytest",
        "python -m unittest discover",
        "make test-docker",
        "docker compose exec -T api pytest",
        "hatch run test-cov-xml",
        "pdm run test",
        "PYTHONPATH=. pytest",
        "python manage.py test",
        "docker compose run --rm api-tests",
        "cd backend && pytest",
    ],
)
def test_commands_that_run_tests(command: str) -> None:
    assert test_commands(command)


@pytest.mark.parametrize(
    "command",
    [
        "pip install pytest",
        "uv add --dev pytest",
        "echo pytest",
        "# pytest",
        "npm test",
        "npx playwright test",
        "docker pull x:latest",
        "createdb app_test",
        "cat .env.test",
        "ruff check tests",
        "cp -r tests out",
        "git push origin latest",
        "make lint",
        "go test ./...",
    ],
)
def test_commands_that_do_not(command: str) -> None:
    assert not test_commands(command)


def test_coverage_and_ignored_failures() -> None:
    assert measures_coverage("pytest --cov=app")
    assert not measures_coverage("# pytest --cov=app")
    assert failure_ignored(("pytest || true", "tox || echo no"))
    assert not failure_ignored(("pytest || true", "tox"))


def test_a_hostile_line_takes_no_time() -> None:
    assert test_commands("docker compose " * 20_000 + "x") == ()
    assert test_commands("docker compose " + "a_" * 50_000) == ()
