"""What part a file plays in its project: whether a rule about serving code has anything to say about it."""

from __future__ import annotations

import re
from functools import lru_cache

from readybook.patterns import regex

APPLICATION, TEST, MIGRATION, SCRIPT = "application", "test", "migration", "script"
EXAMPLE, GENERATED, VENDORED, DOCUMENTATION = "example", "generated", "vendored", "documentation"
ROLES = (APPLICATION, TEST, MIGRATION, SCRIPT, EXAMPLE, GENERATED, VENDORED, DOCUMENTATION)

_TEST_FOLDERS = frozenset({
    "test", "tests", "unit_tests", "integration_tests", "e2e", "e2e_tests", "functional_tests", "tests_e2e",
    "api_tests", "load_tests", "loadtests", "load_test", "loadtest", "load_testing", "loadtesting", "perf_tests",
    "performance_tests", "stress_tests", "benchmark", "benchmarks",
    "__tests__",
})
_TEST_FILE = regex(r"test_[^/]*\.pyi?|[^/]*_tests?\.pyi?|conftest\.py|tests\.py|locustfile[^/]*\.py")
_VENDORED_FOLDERS = frozenset({"vendor", "vendored", "_vendor", "third_party", "thirdparty", "3rdparty", "extern"})
_MIGRATION_FOLDERS = frozenset({"alembic", "migrations", "migration", "alembic_migrations", "migrate", "aerich"})
_REVISION = regex(
    r"^(?:revision|down_revision)\s*(?::[^=\n]+)?="
    r"|^from (?:alembic|yoyo|django\.db|piccolo\.apps\.migrations|aerich|tortoise)\b"
    r"|^import (?:alembic|yoyo)\b|^class Migration\b|^(?:async )?def (?:upgrade|forward|forwards|up|migrate)\(",
    re.MULTILINE,
)
_ALEMBIC = regex(r"\balembic\b|\bop\.(?:create_table|add_column|execute|drop_)")
_SCRIPT_FOLDERS = frozenset({"scripts", "script", "bin", "hack", "devtools", ".github", ".ci", "ci"})
# an agent's "tools" are a part of the service; at the top of a repository they are the developers'
_TOP_SCRIPT_FOLDERS = frozenset({"tools", "tooling"})
_SCRIPT_FILES = frozenset({
    "noxfile.py", "fabfile.py", "dodo.py", "gunicorn.conf.py", "gunicorn_conf.py", "gunicorn_config.py",
    "versioneer.py", "sitecustomize.py", "toxfile.py", "hatch_build.py",
})
# names that a service uses too: the text must show the tool (an empty text means that the path alone is judged)
_TOOL_FILES = {
    "tasks.py": regex(r"^(?:from|import) invoke\b", re.MULTILINE),
    "setup.py": regex(r"\b(?:setuptools|distutils|skbuild)\b"),
    "manage.py": regex(r"__main__|\bdjango\b"),
}
_ROOT_SCRIPT = regex(r"(?:seed|populate|init_db|initdb|create_(?:admin|superuser|db|tables)|reset_db|load_fixtures"
                     r"|migrate|backfill|debug|check|verify|fix|cleanup|generate|build|deploy|release)(?:_[^/]*)?\.py")
# run by hand when they have an entry of their own; else the application calls them
_SEED_FILE = regex(r"(?:seed|seeds|seeder)(?:_[^/]*)?\.py|[^/]*_seed(?:er|s)?\.py|initial_data\.py|init_db\.py")
_EXAMPLE_FOLDERS = frozenset({
    "examples", "example", "docs_src", "samples", "sample", "demo", "demos", "tutorial", "tutorials", "cookbook",
    "snippets", "quickstart", "playground", "notebooks", "mock", "mocks",
})
_DOCUMENTATION_FOLDERS = frozenset({"docs", "doc", "documentation"})
# names of folders that hold the parts of a service: below one of them "examples" or "tools" is a part of the service
_SERVICE_FOLDERS = frozenset({
    "app", "api", "apps", "src", "routers", "routes", "endpoints", "views", "services", "modules", "core", "domain",
    "features", "models", "schemas", "crud", "v1", "v2", "v3",
})
_GENERATED_FILE = regex(r"[^/]*_pb2(?:_grpc)?\.pyi?|_version\.py|[^/]*\.generated\.py|version_info\.py")
_GENERATED_MARK = regex(
    r"^(?:#|//)[^\n]*(?:@generated\b|do not edit|auto[- ]?generated (?:by|from|file|code)"
    r"|generated (?:automatically )?by (?:the |datamodel|openapi|swagger|protoc|grpc|ariadne|sqlacodegen|fern|kiota)"
    r"|code generated )",
    re.IGNORECASE | re.MULTILINE,
)
# what a download or a copy makes of a name: no import says it, it is kept beside the service for reading
_KEPT = regex(r"[^/]*:[^/]*|[^/]*\.py\.py|[^/]* \(\d+\)\.py|[^/]*(?: -)? copy(?: ?\(?\d+\)?)?\.py")
_HEADER_CHARS = 1200


def role(path: str, text_start: str = "") -> str:
    """One of `ROLES` for a posix path.

    ``text_start`` is the file's beginning, better all of it: its first 4,000 characters show generated files and
    migrations, the rest whether it has an entry of its own.
    """
    start = text_start[:4000]
    by_path = _by_path(path)
    if by_path in (VENDORED, TEST, GENERATED):
        return by_path
    if _GENERATED_MARK.search(_header(start)) and not _is_migration(path, start):
        return GENERATED
    if _is_migration(path, start):
        return MIGRATION
    return SCRIPT if by_path == APPLICATION and _is_script(path, text_start) else by_path


@lru_cache(maxsize=50_000)
def _by_path(path: str) -> str:
    """The role as far as the path alone tells it; the outermost telling folder decides, tests and vendored first."""
    *folders, name = path.lower().split("/")
    if any(f in _VENDORED_FOLDERS for f in folders):
        return VENDORED
    if _is_test(folders, name):
        return TEST
    if _GENERATED_FILE.fullmatch(name):
        return GENERATED
    for depth, folder in enumerate(folders):
        inside_service = any(f in _SERVICE_FOLDERS for f in folders[:depth])
        if (folder in _EXAMPLE_FOLDERS or folder.endswith(("_examples", "-examples"))) and not inside_service:
            return EXAMPLE
        if folder == "scripts" or (folder in _SCRIPT_FOLDERS and not inside_service):
            return SCRIPT
        below = folders[depth - 1] if depth else ""
        if folder == "seeders" or (folder in ("seed", "seeds") and below in ("db", "database", "data")):
            return SCRIPT  # a field may be called seeds, a part of an API too
        if folder in _TOP_SCRIPT_FOLDERS and depth == 0:
            return SCRIPT
        if folder in _DOCUMENTATION_FOLDERS and depth == 0:
            return DOCUMENTATION
    return _by_name(folders, name)


def _is_test(folders: list[str], name: str) -> bool:
    for depth, folder in enumerate(folders):
        if folder not in _TEST_FOLDERS:
            continue
        # app/api/test/… may be a route group called "test"; "tests", a test folder near the top and one of a library,
        # as src/shop/mail/test/…, never are
        service = any(f in _SERVICE_FOLDERS and f != "src" for f in folders[:depth])
        if folder != "test" or depth < 2 or not service or _TEST_FILE.fullmatch(name):
            return True
    if name == "tests.py":
        return not folders or folders[-1] not in _SERVICE_FOLDERS - {"app", "src"}
    if _TEST_FILE.fullmatch(name):
        # routers/load_test.py serves a route; test_*.py anywhere is what pytest collects
        routed = folders and folders[-1] in _SERVICE_FOLDERS - {"app", "src", "core"}
        return name.startswith(("test_", "conftest", "locustfile")) or not routed
    return False


def _by_name(folders: list[str], name: str) -> str:
    if name.endswith((".md", ".rst")):
        return DOCUMENTATION
    if _KEPT.fullmatch(name):
        return EXAMPLE
    if name in _SCRIPT_FILES or (not folders and _ROOT_SCRIPT.fullmatch(name)):
        return SCRIPT
    return APPLICATION


def _is_script(path: str, text: str) -> bool:
    name = path.lower().rpartition("/")[2]
    if path.lower().startswith("tasks/") and _TOOL_FILES["tasks.py"].search(text):
        return True
    if name in _TOOL_FILES:
        return bool(_TOOL_FILES[name].search(text)) if text else path.count("/") <= 1 and name != "tasks.py"
    return bool(_SEED_FILE.fullmatch(name)) and (not text or "__main__" in text)


def _header(start: str) -> str:
    """The comments and the first line of the docstring at the top of a file: where a generator signs its work."""
    lines: list[str] = []
    for line in start[:_HEADER_CHARS].split("\n"):
        stripped = line.strip()
        if stripped and not stripped.startswith(("#", "//")):
            if stripped.startswith(('"""', "'''", 'r"""')):
                lines.append("# " + stripped.strip("r\"' "))
            break
        lines.append(stripped)
    return "\n".join(lines)


def _is_migration(path: str, start: str) -> bool:
    folders = path.lower().split("/")[:-1]
    name = path.lower().rpartition("/")[2]
    if not any(f in _MIGRATION_FOLDERS or f == "versions" for f in folders):
        return False
    if name.endswith(".mako"):
        return True
    if name == "env.py":
        return not start or bool(_ALEMBIC.search(start))
    if "versions" in folders and any(f in _MIGRATION_FOLDERS for f in folders):
        return True
    if folders[-1] in _MIGRATION_FOLDERS and name == "__init__.py":
        return len(start.strip()) == 0
    return bool(_REVISION.search(start))
