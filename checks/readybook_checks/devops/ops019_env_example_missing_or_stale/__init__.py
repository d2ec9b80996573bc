"""OPS019: variables that no example file tells of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Check, Finding, Fix, Hours, NotApplicable, Right, advice
from readybook.facts.dotenv import Dotenv, example_near
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureEnvExample
from readybook.patterns import regex
from readybook.place import Place
from readybook.project import Project
from readybook_checks.devops.ops019_env_example_missing_or_stale.examples import EXAMPLES
from readybook_checks.devops.ops019_env_example_missing_or_stale.reading import Needed, examples_of, needed, place_for
from readybook_checks.devops.ops019_env_example_missing_or_stale.writing import (
    comment_of,
    commented_out,
    example_text,
    value_of,
)

# names that a front end's build, an image or a library reads, rather than this code
FOREIGN = regex(
    r"(?:NEXT_PUBLIC|VITE|REACT_APP|NUXT|PUBLIC|EXPO_PUBLIC|GATSBY|POSTGRES|PG|MYSQL|MARIADB|MONGO|REDIS|MINIO|RABBITMQ|NODE"
    r"|COMPOSE|DOCKER|TRAEFIK|PYTHON|UVICORN|GUNICORN|UV|PIP|POETRY|AWS|AZURE|GOOGLE|GCP|OPENAI|ANTHROPIC|HF|HUGGINGFACE|SENTRY"
    r"|LANGCHAIN|LANGSMITH|OTEL|LOGFIRE|DD|NEW_RELIC|CELERY|FLOWER|GRAFANA|PGADMIN|NGINX|SSL|CODECOV|GITHUB|CI)_.+"
    r"|TZ|DOMAIN|STACK_NAME|PORT|HOST|WEB_CONCURRENCY|NODE_ENV|LC_ALL|LANG"
)
SOURCE = regex(r"\b(?:Toml|Yaml|Json|PyprojectToml)ConfigSettingsSource\(")
EXAMPLE = regex(r"(?i)(?:^|/)(?=[^/]*(?:config|settings))[^/]*(?:example|sample|template|dist)[^/]*"
                r"\.(?:toml|ya?ml|json)$")
OTHER_CODE = (
    ".ts", ".tsx", ".js", ".jsx", ".mjs", ".vue", ".svelte", ".go", ".rb", ".php", ".java", ".kt", ".rs", ".cs", ".ex",
)


class EnvExampleMissingOrStale(Check):
    """Nothing tells which environment variables the service reads, or what tells it has fallen behind.

    Whoever deploys learns of a required variable when the start fails, and of an optional one never.

    Looked at: every variable that application code reads, through settings classes and plainly, against the dotenv
    examples (``.env.example`` and its kin) that belong to that code; a line that is commented out counts. Medium for a
    required variable or a secret, low for those with a default, which are told of together. A name in the example that
    stands in no other file is called stale, unless an image, a library or another language may read it.

    Fix: the example is made or extended: type, default, whether it is required, and the meaning that the code gives in
    ``Field(description=…)`` or a comment. Secrets are left empty.
    """

    id = "OPS019"
    name = "env-example-missing-or-stale"
    category = "devops"
    severity = "medium"
    hours = Hours(0.25, 0.5, 1, each=0.02, once=("settings", 0.25))
    fix_kinds = ("config", "advice")
    references = ("https://12factor.net/config", "https://docs.pydantic.dev/latest/concepts/pydantic_settings/#dotenv-env-support")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for a missing file, and for the names a file reads that no example has; a Right for each other."""
        wanted = needed(project)
        if not wanted:
            yield NotApplicable("application code reads no environment variable")
            return
        examples = examples_of(project, wanted)
        other = None if examples else _told_elsewhere(project)
        if other is not None:
            yield Right(Place(other), "an example of the file that the settings read")
            return
        if not examples:
            yield _no_file(project, wanted)
            return
        told = {v.name.upper(): v.place for e in examples for v in e.variables}
        missing = [v for v in wanted if v.name.upper() not in told]
        for variable in wanted:
            if variable.name.upper() in told:
                yield Right(variable.place, f"{told[variable.name.upper()]} tells of {variable.name}")
        yield from _missing(project, missing, examples)
        for example in examples:
            yield from _stale(project, example, {v.name.upper() for v in wanted})


def _told_elsewhere(project: Project) -> str | None:
    """The example of a TOML, YAML or JSON file, where settings are read from such a file as well."""
    modules = project.facts.modules.by_path.values()
    if not any(m.role == "application" and "SettingsSource(" in m.text and SOURCE.search(m.text) for m in modules):
        return None
    return next((path for path in sorted(project.files) if EXAMPLE.search(path)), None)


def _no_file(project: Project, wanted: tuple[Needed, ...]) -> Finding:
    urgent = [v for v in wanted if v.urgent]
    path = place_for(project, wanted)
    number = f"{len(wanted)} variables are" if len(wanted) > 1 else f"{wanted[0].name} is"
    named = ", ".join(v.name for v in urgent[:3]) + (" …" if len(urgent) > 3 else "")
    which = f", {len(urgent)} of them required or secret ({named})" if urgent and len(wanted) > 1 else ""
    fix = Fix(f"Add {path}", (AddFile(path, example_text(project, wanted)),), kinds=("config",), safety="safe",
              reason="no code reads the file; secrets are left empty")
    first = min(urgent or wanted, key=lambda v: (v.place.path, v.place.line))
    return Finding(first.place, f"{number} read{which}, and no .env.example tells of "
                   f"{'them' if len(wanted) > 1 else 'it'}.", "medium" if urgent else "low", fix=fix)


def _missing(project: Project, missing: list[Needed], examples: tuple[Dotenv, ...]) -> Iterator[Finding]:
    """A finding for the required names and secrets that each file reads, and one for all that is optional."""
    groups: dict[tuple[str, bool, str], list[Needed]] = {}
    for variable in missing:
        reader = variable.place.path if variable.urgent else ""
        home = example_near(examples, variable.place.path, project.facts.modules.by_path)
        if home is not None:
            groups.setdefault((home.path, variable.urgent, reader), []).append(variable)
    for (path, urgent, _), group in groups.items():
        named = ", ".join(v.name for v in group[:4]) + (f" and {len(group) - 4} more" if len(group) > 4 else "")
        what = "required or secret" if urgent else "optional"
        verb, them = ("are", "them") if len(group) > 1 else ("is", "it")
        yield Finding(group[0].place, f"{named} {verb} {what}, and {path} does not tell of {them}.",
                      "medium" if urgent else "low", fix=_extended(project, path, group))


def _extended(project: Project, path: str, variables: list[Needed]) -> Fix:
    intents = tuple(
        EnsureEnvExample(path, v.name, value_of(v), comment_of(project, v), commented=commented_out(v))
        for v in variables
    )
    what = variables[0].name if len(variables) == 1 else f"{len(variables)} variables"
    return Fix(f"Tell of {what} in {path}", intents, kinds=("config",), safety="safe",
               reason="no code reads the file; secrets are left empty")


def _stale(project: Project, example: Dotenv, read: set[str]) -> Iterator[Finding]:
    """Names that stand in no other file; silent where code in another language, which is not read, lies below."""
    folder = example.path.rpartition("/")[0]
    if any(p.endswith(OTHER_CODE) and (not folder or p.startswith(folder + "/")) for p in project.present):
        return
    names = [v for v in example.variables
             if not v.commented_out and v.name.upper() not in read and not FOREIGN.fullmatch(v.name)]
    unknown = [v for v in names if not _elsewhere(project, example.path, v.name)]
    if unknown:
        named = ", ".join(v.name for v in unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        message = f"{example.path} tells of {named}, which nothing in the repository reads."
        yield Finding(unknown[0].place, message, "low", confidence="medium", fix=advice(
            "Take out what nothing reads, or read it",
            "whether a platform or a library reads such a name cannot be seen from here",
        ))


def _elsewhere(project: Project, path: str, name: str) -> bool:
    """Whether a file other than dotenv files and documents names the variable, or the end of it behind a prefix."""
    dotenvs = {d.path for d in project.facts.dotenvs}
    end = name.partition("_")[2]
    words = [w for w in (name, name.lower(), end, end.lower()) if len(w) > 3] or [name]
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, words))})(?![A-Za-z0-9])")
    last, low = (end, end.lower()) if len(end) > 3 else (name, name.lower())  # stands in each of the words
    return any((last in file.text or low in file.text) and pattern.search(file.text)
               for other, file in project.files.items()
               if other != path and other not in dotenvs and not other.endswith((".md", ".rst")))
