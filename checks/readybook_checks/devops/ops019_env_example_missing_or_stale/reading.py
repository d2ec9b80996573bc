"""Which variables an example must tell of, and which example files belong to the code that reads them."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import Any

from readybook.facts.dotenv import Dotenv
from readybook.facts.nodes import nodes
from readybook.facts.secretvalues import names_secret
from readybook.facts.settings import Variable
from readybook.facts.unparse import unparse
from readybook.facts.values import Unknown, by_default
from readybook.patterns import regex
from readybook.place import Place
from readybook.project import Project
from readybook.records import record

# what the operating system, the shell, the platform or the test runner sets
GIVEN = regex(
    r"PATH|HOME|USER|USERNAME|LOGNAME|PWD|SHELL|TERM|TMP|TEMP|TMPDIR|LANG|LC_\w+|TZ|HOSTNAME|COMPUTERNAME|DISPLAY|EDITOR|VISUAL"
    r"|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|VIRTUAL_ENV|CONDA_\w+|PYTHON\w*|PYTEST\w*|COVERAGE\w*|CI|GITHUB_\w+|GITLAB_\w+|CI_\w+"
    r"|KUBERNETES_\w+|POD_\w+|NODE_NAME|AWS_LAMBDA_\w+|AWS_EXECUTION_ENV|AWS_REGION|AWS_DEFAULT_REGION|LAMBDA_\w+|K_SERVICE"
    r"|K_REVISION|DYNO|RENDER\w*|FLY_\w+|RAILWAY_\w+|VERCEL\w*|WEBSITE_\w+|GAE_\w+|GOOGLE_CLOUD_PROJECT|XDG_\w+|SSH_\w+|SUDO_\w+"
    r"|APPDATA|LOCALAPPDATA|PROGRAMFILES|SYSTEMROOT|WINDIR|PROMETHEUS_MULTIPROC_DIR|DJANGO_SETTINGS_MODULE|CUDA_\w+"
)
MODELS = ("pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic_settings.BaseSettings", "pydantic.BaseSettings")
# an example for the whole program; others (``credentials.env.template``) are for something by that name
OF_ITS_OWN = regex(r"(?i)\.?env(?:[._-].+)?|[._-]?(?:examples?|samples?|template|dist|defaults?)[._-]env|\.env")
FRONT = regex(r"(?:^|/)(?:frontend|front|client|web|webapp|ui|www|mobile|docs?|examples?|\.devcontainer)/")


@record
class Needed:
    """One variable, all its reads taken together. ``default`` is None when it has none that can be written down."""

    name: str
    place: Place
    required: bool
    secret: bool
    default: Any
    annotation: str
    read: Variable

    @property
    def urgent(self) -> bool:
        """Whether the service does not work, or not as meant, without it: required, or a secret without a value."""
        return self.required or (self.secret and self.default in (None, ""))


def needed(project: Project) -> tuple[Needed, ...]:
    """The variables that application code reads, each name once, in order of place."""
    found: dict[str, Needed] = {}
    models = {c.name for c in project.facts.program.everything.classes if c.is_a(*MODELS)}
    for variable in project.facts.variables:
        if GIVEN.fullmatch(variable.name) or not re.fullmatch(r"[A-Za-z_][\w.-]*", variable.name):
            continue
        if project.facts.role(variable.place.path) != "application":
            continue
        if variable.through and models & set(re.findall(r"[A-Za-z_]\w*", variable.annotation)):
            continue  # its parts are read, not it
        secret = variable.secret or names_secret(variable.name)
        default = by_default(variable.default)
        required = variable.required and (bool(variable.through) or not _falls_back(project, variable.place))
        one = Needed(variable.name, variable.place, required, secret,
                     None if isinstance(default, Unknown) else default, variable.annotation, variable)
        known = found.get(variable.name.upper())
        found[variable.name.upper()] = _merged(known, one) if known else one
    return tuple(sorted(found.values(), key=lambda v: (v.place.path, v.place.line, v.name)))


def _falls_back(project: Project, place: Place) -> bool:
    """Whether a plain read gives something else where the variable is unset: ``getenv`` and ``.get`` never fail.

    Nor does ``os.environ[…]`` whose KeyError is caught around it.
    """
    if re.search(r"getenv\(|\.get\(", project.line(place.path, place.line)[place.column - 1:]):
        return True
    module = project.facts.modules.by_path.get(place.path)
    return module is not None and any(
        n[4] and n[4][0][1] <= place.line <= n[4][-1][3] and any(_catches_key_error(h[0]) for h in n[5])
        for n in nodes(module.body) if n[0] == "try")


def _catches_key_error(kind: Any) -> bool:
    return kind is None or re.search(r"\b(?:KeyError|LookupError|Exception|BaseException)\b", unparse(kind)) is not None


def _merged(a: Needed, b: Needed) -> Needed:
    """The settings field counts more than a plain read of the same name; a secret stays one."""
    first, second = (b, a) if b.annotation and not a.annotation else (a, b)
    default = first.default if first.default is not None else second.default
    return replace(first, secret=a.secret or b.secret, default=default)


def examples_of(project: Project, wanted: tuple[Needed, ...]) -> tuple[Dotenv, ...]:
    """The examples that belong to the code: they stand above it outside a front end, named for no part of it, or share
    a name with it.

    One beside the manifest of a JavaScript package that does not hold the code is that package's, whatever it shares.
    """
    names = {v.name.upper() for v in wanted}
    folders = {posixpath.dirname(v.place.path) for v in wanted}
    known = {*project.files, *project.present}

    def belongs(example: Dotenv) -> bool:
        folder = posixpath.dirname(example.path)
        above = any(not folder or f == folder or f.startswith(folder + "/") for f in folders)
        if names & {v.name.upper() for v in example.variables}:
            return above or posixpath.join(folder, "package.json") not in known
        of_its_own = OF_ITS_OWN.fullmatch(posixpath.basename(example.path)) is not None
        return above and of_its_own and not FRONT.search(example.path)

    return tuple(e for e in project.facts.dotenvs if e.example and not e.test and belongs(e))


def place_for(project: Project, wanted: tuple[Needed, ...]) -> str:
    """Where a new example goes: beside the dotenv file that the settings read, else at the root of the code."""
    facts = project.facts
    through = {v.read.through for v in wanted}
    for cls in facts.settings_classes:
        if cls.path in through and cls.env_file:
            root = _root(project, cls.place.path)
            folder = posixpath.dirname(posixpath.normpath(posixpath.join(root, cls.env_file)))
            if not folder.startswith(("..", "/")):
                return posixpath.join(folder, ".env.example")
    real = [d.path for d in facts.dotenvs if not d.example and not FRONT.search(d.path)]
    if real:
        return posixpath.join(posixpath.dirname(min(real, key=lambda p: (p.count("/"), p))), ".env.example")
    served = [app.place.path for app in facts.apps if app.served] or [wanted[0].place.path]
    return posixpath.join(_root(project, served[0]), ".env.example")


def _root(project: Project, path: str) -> str:
    """The folder that the code at a path is started from, as far as its imports tell."""
    module = project.facts.modules.by_path.get(path)
    root = module.root if module is not None else posixpath.dirname(path)
    return posixpath.dirname(root) if posixpath.basename(root) == "src" else root
