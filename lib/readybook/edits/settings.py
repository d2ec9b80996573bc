"""Settings: a field in the project's settings class, its variable in .env.example, and how code reads it."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from readybook.edits import packages
from readybook.edits.dotenv import ensure_variable, example_file
from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_imports import bindings, ensure_import
from readybook.edits.python_source import PythonSource, last_name
from readybook.edits.settings_constants import ensure_constant, find_constants
from readybook.edits.settings_home import (
    Field,
    SettingsHome,
    class_option,
    field_case,
    fields,
    find_class,
    find_settings,
    service_folder,
)
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.facts.settingsaccess import settings_at_hand
from readybook.intents import EnsureImport, EnsureRequirement, EnsureSetting
from readybook.patterns import regex

TEXTUAL = regex(r"str|SecretStr|str \| None|Optional\[str\]")
LIST_OF_TEXT = regex(r"(?:typing\.)?[Ll]ist\[str\]")
ORIGINS = {
    "SecretStr": "pydantic", "Field": "pydantic", "AnyHttpUrl": "pydantic", "HttpUrl": "pydantic",
    "PostgresDsn": "pydantic", "RedisDsn": "pydantic", "PositiveInt": "pydantic", "PositiveFloat": "pydantic",
    "Annotated": "typing", "Literal": "typing", "Path": "pathlib", "timedelta": "datetime",
}
SPLIT = '''\
@field_validator("{name}", mode="before")
@classmethod
def split_commas(cls, value: object) -> object:
    """Read ``a, b`` from the environment as a list of two."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value'''
AS_LIST = '''\
@property
def {listed}(self) -> list[str]:
    """The parts of ``{name}``, which the environment gives as ``a, b``."""
    return [part.strip() for part in self.{name}.split(",") if part.strip()]'''
MODERN = '''\
"""Settings of the service, read from the environment."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What differs between environments, each from the variable of its name."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")


settings = Settings()
'''
OLD = '''\
"""Settings of the service, read from the environment."""

from pydantic import BaseSettings


class Settings(BaseSettings):
    """What differs between environments, each from the variable of its name."""

    class Config:
        env_file = ".env"
        extra = "ignore"


settings = Settings()
'''


def ensure_setting(work: Work, intent: EnsureSetting) -> None:
    """Carry out EnsureSetting: extend the settings class, or the module of constants where the project keeps them.

    Without either, a class is made beside the application's main module.
    """
    home = find_settings(work) or find_constants(work) or _new_home(work)
    if not home.version:
        if ensure_constant(work, home, intent):
            _document(work, home, intent, intent.env, bool(LIST_OF_TEXT.fullmatch(intent.annotation.replace(" ", ""))))
        return
    reads_list = bool(LIST_OF_TEXT.fullmatch(intent.annotation.replace(" ", "")))
    # Pydantic 1 and pydantic-settings before 2.7 read a list as JSON and fail on ``a,b``: a text and a property there.
    as_text = reads_list and not (home.version == 2 and packages.at_least(work, "pydantic-settings", "2.7"))
    if as_text:
        intent = replace(intent, annotation="str", default=_joined(intent.default))
    variable = intent.env

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        nonlocal variable
        del draft
        node = find_class(source, home)
        out, variable = _field_splices(work, source, node, home, intent, reads_list, as_text)
        return out

    before = work.text(home.path)
    work.plan(home.path, planner)
    if work.text(home.path) != before:
        _reachable(work, home)
        _document(work, home, intent, variable, reads_list)


def _document(work: Work, home: SettingsHome, intent: EnsureSetting, variable: str, reads_list: bool = False) -> None:
    """The setting's line in the example of the environment, where there is one."""
    example = example_file(work, home.path)
    if example:
        value, optional = _example(intent, reads_list)
        ensure_variable(work, example, variable, value, intent.meaning, commented_out=optional)


def _example(intent: EnsureSetting, reads_list: bool) -> tuple[str, bool]:
    """The value of the line in .env.example, and whether it stands in a comment because an empty value would not do."""
    if intent.example:
        return intent.example, False
    value: object = None
    try:
        value = ast.literal_eval(intent.default) if intent.default else None
    except (ValueError, SyntaxError):
        pass
    if isinstance(value, bool):
        return str(value).lower(), False
    if isinstance(value, str | int | float) and not intent.secret:
        return str(value), False
    textual = reads_list or intent.secret or TEXTUAL.fullmatch(intent.annotation)
    return "", not textual


def listed_name(name: str) -> str:
    """The property that gives a setting kept as text as a list."""
    return f"{name}_LIST" if name.isupper() else f"{name}_list"


def _joined(default: str | None) -> str | None:
    """A default list of texts as the text that the environment would give."""
    if default is None:
        return None
    try:
        value = ast.literal_eval(default)
    except (ValueError, SyntaxError):
        raise PatchError(f"the default {default} is no list of texts") from None
    return '"' + ",".join(str(v) for v in value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _field_splices(
    work: Work, source: PythonSource, node: cst.ClassDef, home: SettingsHome, intent: EnsureSetting,
    reads_list: bool, as_text: bool,
) -> tuple[list[Splice], str]:
    """The new field (and what reads a list) as splices, and the name of the variable that it is read from."""
    present = fields(source, node)
    names, exact = _names_around(source, node, present), class_option(source, node, "case_sensitive") == "True"
    # Where case counts, a field in capitals among names of groups says how variables are written.
    capitals = field_case(names) == "upper" or (exact and any(n.isupper() for n in names))
    name = intent.name.upper() if capitals else intent.name
    if any(f.name.lower() == name.lower() for f in present):
        return [], intent.env
    prefix = _literal(class_option(source, node, "env_prefix"))
    # where case does not count, a variable is written as variables are: in capitals, its prefix too
    plain = prefix + name if exact else (prefix + name).upper()
    alias_key = _alias_style(present, home)
    same = (plain.lower(),) if exact else (plain.lower(), name.lower())
    matches = intent.env.lower() in same
    variable = plain if matches else intent.env
    aliased = not matches or alias_key is not None
    key = alias_key or ("validation_alias" if home.version == 2 else "env")
    annotation, default = intent.annotation, intent.default
    if reads_list and not as_text:
        annotation = f"Annotated[{annotation}, NoDecode]"
    code = f"{name}: {annotation}" + _value(default, key if aliased else None, variable)
    _import_names(work, home.path, code)
    out = [_insert_field(work, source, node, home, code, name, present)]
    if reads_list:
        out += _list_reader(work, source, node, home, name, as_text)
    return out, variable


def _names_around(source: PythonSource, node: cst.ClassDef, present: list[Field]) -> list[str]:
    """The names of a class's fields; without any, those of the classes of its module that it inherits from."""
    classes = {c.name.value: c for c in source.module.body if isinstance(c, cst.ClassDef)}
    names, todo, seen = [f.name for f in present], [node], {node.name.value}
    while todo and not names:
        bases = {last_name(arg.value) for one in todo for arg in one.bases} - seen
        todo, seen = [classes[b] for b in sorted(bases) if b in classes], seen | bases
        names = [f.name for one in todo for f in fields(source, one)]
    return names


def _alias_style(present: list[Field], home: SettingsHome) -> str | None:
    """The keyword by which most fields of the class name their variable, when they do."""
    for key in ("validation_alias", "alias", "env"):
        if key == "env" and home.version == 2:
            continue
        if sum(key in f.extra for f in present) * 2 > len(present):
            return key
    return None


def _value(default: str | None, key: str | None, variable: str) -> str:
    if key is None:
        return "" if default is None else f" = {default}"
    if default is not None and default.startswith("Field("):
        inner = default[len("Field("):-1]
        return f' = Field({inner}{", " if inner else ""}{key}="{variable}")'
    return f' = Field({"..." if default is None else default}, {key}="{variable}")'


def _import_names(work: Work, path: str, code: str) -> None:
    for name, module in ORIGINS.items():
        if re.search(rf"(?<![\w.\"']){name}\b", code):
            ensure_import(work, EnsureImport(path, module, name))
    if "NoDecode" in code:
        ensure_import(work, EnsureImport(path, "pydantic_settings", "NoDecode"))


def _insert_field(
    work: Work, source: PythonSource, node: cst.ClassDef, home: SettingsHome, code: str, name: str,
    present: list[Field],
) -> Splice:
    # One key for the first fields of a class: the second one is planned on the text that holds the first.
    newline, key = source.newline, f"setting {name}" if present else f"first setting of {home.name}"
    if not isinstance(node.body, cst.IndentedBlock):
        start, end = source.span(node.body)
        indent = source.indent_at(source.span(node)[0]) + source.indent
        return Splice(start, end, newline + indent + work.fitted(home.path, code, indent), key)
    body = list(node.body.body)
    indent = source.indent_at(source.start(body[0]))
    line = work.fitted(home.path, code, indent, first=True)
    if present:
        anchor: cst.CSTNode = _with_its_text(body, present[-1].statement)
        gap = ""
    else:
        small = body[0].body[0] if isinstance(body[0], cst.SimpleStatementLine) else None
        if isinstance(small, cst.Pass) and len(body) == 1:
            start, end = source.span(body[0])
            return Splice(start, end, line.lstrip(), key)
        found, gap = _before_fields(source, body)
        if found is None:
            at = source.line_start(source.start(body[0]))
            return Splice(at, at, line + newline * 2, key)
        anchor = found
    at = source.line_end(source.span(anchor)[1])
    open_end = not source.text[:at].endswith(("\n", "\r"))
    return Splice(at, at, (newline if open_end else "") + gap + line + ("" if open_end else newline), key)


def _with_its_text(body: Sequence[cst.CSTNode], field: cst.CSTNode) -> cst.CSTNode:
    """The text below a field that documents it, where there is one; else the field."""
    after = next((body[i + 1] for i, one in enumerate(body[:-1]) if one is field), None)
    small = after.body[0] if isinstance(after, cst.SimpleStatementLine) and len(after.body) == 1 else None
    text = isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString | cst.ConcatenatedString)
    return after if text and after is not None else field


def _before_fields(source: PythonSource, body: Sequence[cst.CSTNode]) -> tuple[cst.CSTNode | None, str]:
    """After what the first field goes in a class without fields: its configuration, else its docstring."""
    anchor: cst.CSTNode | None = None
    for statement in body:
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        config = isinstance(small, cst.Assign | cst.AnnAssign)
        if config or (isinstance(small, cst.Expr) and isinstance(small.value, cst.BaseString)):
            anchor = statement
            continue
        break
    return anchor, source.newline


def _list_reader(
    work: Work, source: PythonSource, node: cst.ClassDef, home: SettingsHome, name: str, as_text: bool
) -> list[Splice]:
    """What turns ``a,b`` into a list: the class's splitting validator takes one more name, or is made."""
    if not as_text:
        for method in source.nodes(cst.FunctionDef):
            if method.name.value == "split_commas" and node in source.ancestors(method) and method.decorators:
                call = method.decorators[0].decorator
                names = [a for a in call.args if a.keyword is None] if isinstance(call, cst.Call) else []
                if names:
                    at = source.span(names[-1].value)[1]
                    return [Splice(at, at, ", " + work.fitted(home.path, f'"{name}"'), f"split {name}")]
        ensure_import(work, EnsureImport(home.path, "pydantic", "field_validator"))
    body = getattr(node.body, "body", ())
    indent = source.indent_at(source.start(body[0])) if body else source.indent
    template = (AS_LIST if as_text else SPLIT).format(name=name, listed=listed_name(name))
    code = work.fitted(home.path, template, indent, first=True)
    at = source.line_end(source.span(body[-1] if body else node)[1])
    open_end = not source.text[:at].endswith(("\n", "\r"))
    newline = source.newline
    text = newline + code + newline if not open_end else newline * 2 + code
    return [Splice(at, at, text, f"list of {name}" if as_text else "validator split_commas", 1)]


def _literal(text: str | None) -> str:
    try:
        value = ast.literal_eval(text) if text else ""
    except (ValueError, SyntaxError):
        raise PatchError(f"the prefix of the settings' variables cannot be read: {text}") from None
    return value if isinstance(value, str) else ""


def _reachable(work: Work, home: SettingsHome) -> None:
    """See to it that some module-level object or function gives the settings."""
    if home.instance or home.factory:
        return
    if not settings_at_hand(work.project.facts):
        # An object beside those that are handed around would be a second source of the same values.
        raise PatchError("settings are handed from function to function: a person says how they come here")
    if "settings" in bindings(work.source(home.path)):
        raise PatchError(f"{home.path}: the name settings is taken and no object of {home.name} exists")

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        del draft
        node = find_class(source, home)
        at = source.line_end(source.span(node)[1])
        newline = source.newline
        lead = "" if source.text[:at].endswith(("\n", "\r")) else newline
        tail = newline if at == len(source.text) else newline
        return [Splice(at, at, f"{lead}{newline * 2}settings = {home.name}(){tail}", "settings object", 2)]

    work.plan(home.path, planner)


def _new_home(work: Work) -> SettingsHome:
    """Make a settings module beside the application's main module, and declare its package."""
    service = service_folder(work, work.near)
    main = next((a.place.path for a in work.project.facts.apps if service and a.inside == service), main_module(work))
    if main is None:
        raise PatchError("no settings class, and no application module to put one beside")
    folder = main.rpartition("/")[0]
    at = f"{folder}/" if folder else ""
    names = [n for n in ("settings", "config", "app_settings")
             if not any(work.exists(at + n + tail) or any(p.startswith(f"{at}{n}/") for p in work.paths)
                        for tail in (".py", "/__init__.py"))]
    if not names:
        raise PatchError(f"{at}settings.py, config.py and app_settings.py exist and hold no settings class")
    path = f"{at}{names[0]}.py"
    old = packages.pydantic_major(work) == 1
    work.create(path, OLD if old else MODERN)
    first = "settings home" not in work.chosen
    work.chosen["settings home" if first else f"settings home of {service}"] = f"{path}::Settings"
    if not old:
        from readybook.edits.requirements import ensure_requirement

        ensure_requirement(work, EnsureRequirement("pydantic-settings", ">=2.7,<3"), near=path)
    return SettingsHome(path, "Settings", 1 if old else 2, (path, "settings"), None)


def main_module(work: Work) -> str | None:
    """The file that builds the served application, by the usual signs: it calls FastAPI, its name, its depth."""
    spec = work.project.app.partition(":")[0].replace(".", "/")
    made = re.compile(r"^[ \t]*(?:\w+(?:[ \t]*:[^=\n]+)?[ \t]*=[ \t]*|return[ \t]+)(?:\w+\.)*FastAPI\(", re.M)
    found = [p for p in work.paths if p.endswith(".py") and made.search(work.text(p) or "")]
    if spec:
        found = [p for p in found if p.removesuffix(".py").endswith(spec)] or found
    usual = {"main.py": 0, "app.py": 1, "server.py": 2, "asgi.py": 3, "__init__.py": 4}
    return min(found, default=None, key=lambda p: (
        bool(re.search(r"(?:^|/)(?:tests?|docs|examples?)/|(?:^|/)test_", p)), usual.get(p.rpartition("/")[2], 9),
        p.count("/"), p,
    ))
