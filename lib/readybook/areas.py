"""Which part of a codebase a file belongs to, in words that people who plan work use."""

from __future__ import annotations

import re

from readybook.facts.roles import role

AREAS = (
    "Application code", "Tests", "Database migrations", "Dependencies", "Container", "CI pipeline", "Deployment",
    "Configuration", "Documentation", "Scripts and other files",
)
(APPLICATION, TESTS, MIGRATIONS, DEPENDENCIES, CONTAINER, PIPELINE, DEPLOYMENT, CONFIGURATION, DOCUMENTS, OTHER) = AREAS
_BY_NAME = (
    (DEPENDENCIES, r"[\w.-]*(?:requirement|constraint)s?[\w.-]*\.(?:txt|in)|pipfile|.*\.lock|environment\.ya?ml"),
    (CONTAINER, r"(?:docker|container)file.*|.*\.(?:docker|container)file|\.(?:docker|container)ignore"
                r"|.*compose.*\.ya?ml"),
    (PIPELINE, r"jenkinsfile.*|\.gitlab-ci\.ya?ml|azure-pipelines.*\.ya?ml|bitbucket-pipelines\.ya?ml|\.travis\.ya?ml"
               r"|\.pre-commit-config\.ya?ml|dependabot\.ya?ml|renovate\.json.*|codeowners"),
    (TESTS, r"\.coveragerc|pytest\.ini|tox\.ini|noxfile\.py|codecov\.ya?ml"),
    (DEPLOYMENT, r"procfile.*|.*\.tf|.*\.nomad|.*nginx.*|.*caddyfile|.*\.service|gunicorn[\w.]*\.py"),
    (CONFIGURATION, r"\.?env.*|.*\.env|pyproject\.toml|setup\.cfg|.*\.(?:toml|cfg|ini|conf)|\.gitignore|makefile"),
)
_BY_FOLDER = (
    (PIPELINE, r"(?:^|/)(?:\.github|\.gitlab|\.circleci|\.ci|ci)/"),
    (DEPLOYMENT, r"(?:^|/)(?:k8s|kubernetes|helm|charts?|deploy(?:ment)?s?|terraform|ops|infra|manifests)/"
                 r".*\.(?:ya?ml|json|tpl|tf)$"),
)
_BY_ROLE = {"application": APPLICATION, "test": TESTS, "migration": MIGRATIONS, "documentation": DOCUMENTS}


def area(path: str) -> str:
    """One of `AREAS` for a posix path; names that tools know come first, then folders, then the file's role."""
    lowered = path.lower()
    name = lowered.rpartition("/")[2]
    for found, pattern in _BY_NAME:
        if re.fullmatch(pattern, name):
            return found
    for found, pattern in _BY_FOLDER:
        if re.search(pattern, lowered):
            return found
    part = role(path)
    if part == "application" and not name.endswith((".py", ".pyi")):
        return CONFIGURATION if name.endswith((".yml", ".yaml", ".json")) else OTHER
    return _BY_ROLE.get(part, OTHER)
