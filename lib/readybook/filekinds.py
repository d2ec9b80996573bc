"""Which files of a target are read: Python source, and the text files that a service ships."""

from __future__ import annotations

import re

from readybook.patterns import regex
from readybook.records import record

KIB = 1024
MIB = 1024 * KIB

ALWAYS_SKIPPED = frozenset({
    ".git", ".hg", ".svn", ".jj", "node_modules", "bower_components", "__pycache__", "site-packages", "__pypackages__",
    ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints", ".eggs",
    ".next", ".nuxt", ".svelte-kit", ".terraform", ".yarn", ".pnpm-store", ".venv", ".virtualenv", "htmlcov",
})
VIRTUALENV_NAMES = frozenset({"venv", "env", "virtualenv", "ENV"})
BUILD_FOLDERS = frozenset({"build", "dist"})


@record
class ReadingLimit:
    """How many bytes of a kind of file are taken at most; ``listed``: whether a refused one is reported."""

    limit: int
    listed: bool = True


_PYTHON = ReadingLimit(4 * MIB)
_LOCK = ReadingLimit(4 * MIB)
_CONFIG = ReadingLimit(1 * MIB)
_DATA = ReadingLimit(256 * KIB, listed=False)
_KEY = ReadingLimit(64 * KIB, listed=False)

_BY_SUFFIX = {
    ".py": _PYTHON, ".pyi": _PYTHON,
    ".lock": _LOCK,
    **dict.fromkeys((
        ".yml", ".yaml", ".toml", ".cfg", ".ini", ".sh", ".bash", ".conf", ".service", ".mako", ".dockerfile",
        ".containerfile", ".env", ".in", ".mk", ".nomad", ".tpl", ".j2", ".jinja", ".jinja2",
    ), _CONFIG),
    **dict.fromkeys((".md", ".rst", ".tf", ".hcl", ".json", ".rules", ".caddyfile"), _DATA),
    ".pem": _KEY, ".key": _KEY,
}
_TEMPLATE_SUFFIXES = (".in", ".j2", ".jinja", ".jinja2", ".tpl")
# what a template suffix may stand behind: page templates of a web site are of no use here
_SHIPPED_TEMPLATE = regex(
    r"(?:\.(?:ya?ml|toml|conf|cfg|ini|sh|env|service|py|json)|dockerfile|requirements[^/]*|constraints[^/]*|\.env[^/]*)"
    r"\.(?:in|j2|jinja2?|tpl)$|(?:requirements|constraints|dev|test|prod|base|main|deps|lint|docs)[\w.-]*\.in$"
)
_BY_NAME = regex(
    r"""(?:docker|container)file(?:[._-].*)?   # Dockerfile, Dockerfile.prod
    |(?:[\w.-]+[._-])?caddyfile|nginx[\w.-]*\.template|jenkinsfile(?:[._-].*)?
    |(?:gnu)?makefile|justfile|\.justfile|taskfile|procfile(?:[._-].*)?|pipfile|earthfile|tiltfile
    |\.env.*|env\.(?:example|sample|template|dist|default)|[\w.-]*\.env\.[\w.-]+|[\w-]*env[._-](?:example|sample|template)
    |(?:example|sample|template)[._-]env
    |[\w.-]*(?:requirement|constraint)s?[\w.-]*\.txt|(?:deps|reqs?)[\w.-]*\.txt|runtime\.txt
    |\.gitignore|\.dockerignore|\.coveragerc|\.containerignore|\.python-version|\.tool-versions|\.gitattributes
    |codeowners|\.pylintrc|\.flake8|pylock(?:\.[\w-]+)?\.toml
    """,
    re.VERBOSE,
)
_ENV_FOLDER = regex(r"(?:^|/)\.?envs/[^/]+(?:/[^/]+)?$")
_REQUIREMENTS_FOLDER = regex(r"(?:^|/)(?:requirements?|reqs|deps)/[^/]+\.txt$")
_LOAD_TEST = regex(r"(?:^|/)(?:k6|load[_-]?tests?|perf(?:ormance)?|stress)[^/]*/[^/]+\.[jt]s$"
                   r"|(?:^|/)[^/]*(?:k6|load[_-]?test|stress[_-]?test)[^/]*\.[jt]s$")
_SHEBANG_FOLDER = regex(r"(?:^|/)(?:bin|scripts?|deploy|docker|ops|\.?ci)/[^/.]+$"
                        r"|(?:^|/)(?:entrypoint|start|run)$")
_LOCK_NAMES = frozenset({"package-lock.json", "composer.lock", "yarn.lock", "pnpm-lock.yaml", "cargo.lock",
                         "flake.lock", "bun.lock"})


def reading_limit(path: str) -> ReadingLimit | None:
    """How the file at this posix path is read; None when it is not."""
    name = path.rpartition("/")[2].lower()
    stem, dot, end = name.rpartition(".")
    suffix = dot + end if stem else ""
    if suffix in (".py", ".pyi"):
        return _PYTHON
    if name in _LOCK_NAMES:
        return None
    if _BY_NAME.fullmatch(name):
        return _LOCK if name.startswith("pylock") else _CONFIG
    if suffix in _TEMPLATE_SUFFIXES:
        return _CONFIG if _SHIPPED_TEMPLATE.search(name) else None
    found = _BY_SUFFIX.get(suffix)
    if found:
        return found
    lowered = path.lower()
    if suffix == ".txt":
        return _CONFIG if _REQUIREMENTS_FOLDER.search(lowered) else None
    if suffix in (".js", ".ts"):
        return _DATA if _LOAD_TEST.search(lowered) else None
    if not suffix and _SHEBANG_FOLDER.search(lowered):
        return ReadingLimit(64 * KIB, listed=False)
    return ReadingLimit(256 * KIB, listed=False) if _ENV_FOLDER.search(lowered) else None
