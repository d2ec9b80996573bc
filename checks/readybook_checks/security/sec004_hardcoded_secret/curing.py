"""How each literal leaves the code: a required setting, a required variable, or a person."""

from __future__ import annotations

import re
from dataclasses import replace

from readybook import Fix, advice
from readybook.facts.dotenv import example_near
from readybook.facts.secretliterals import SecretLiteral
from readybook.facts.secretvalues import dsn_password, provider_of, words_of
from readybook.facts.settings import SettingField
from readybook.intents import (
    EnsureEnvExample,
    EnsureImport,
    EnsureSetting,
    Intent,
    RemoveKeyword,
    RemoveUnusedImport,
    ReplaceDefault,
    ReplaceExpression,
)
from readybook.patterns import regex
from readybook.project import Project

ROTATE = "give out a new value: the old one stays in the history of the repository"
REASON = f"the start fails where the variable is not set, so set it first; {ROTATE}"
_GENERAL = frozenset({
    "password", "passwd", "pwd", "secret", "token", "key", "api_key", "secret_key", "access_token", "",
})
_URLS = {"redis": "REDIS_URL", "rediss": "REDIS_URL", "amqp": "BROKER_URL", "mongodb": "MONGODB_URL"}


TEXT_TYPES = regex(r"\b(?:str|bytes|Any|Secret\w+|\w+Dsn|\w+Url|EmailStr|Annotated)\b")
PLAIN_READ = regex(r"(?:\w+\.)*(?:getenv|environ\.get)")  # pydantic reads the same variable by itself


def cure(project: Project, literal: SecretLiteral, field: SettingField | None) -> Fix:
    """The fix for one literal."""
    plain = literal.context != "fallback" or PLAIN_READ.fullmatch(literal.reader)
    if field is not None and literal.context == "argument" and not reads_text(field):
        return advice(f"Take {field.name} from parts that the environment gives", f"a variable is a text, which "
                      f"{field.annotation} is not made of by itself; {ROTATE}")
    if field is not None and plain and not used_in_class(project, field):
        return _field_fix(project, literal, field)
    if literal.context == "fallback":
        return _fallback_fix(project, literal)
    if field is not None and literal.context != "fallback":
        return advice(f"Require {field.env}", f"the class itself goes on with {field.name}, which must be set there; "
                      f"{ROTATE}")
    if literal.context in ("parameter", "compared") or not literal.text or not _whole(literal):
        return advice("Take the secret out of the code", f"what should stand here is for a person to say; {ROTATE}")
    return _literal_fix(project, literal)


def used_in_class(project: Project, field: SettingField) -> bool:
    """Whether other lines of the class body use the field by its plain name, which it has by its default only."""
    lines = project.text(field.place.path).split("\n")
    indent = len(lines[field.place.line - 1]) - len(lines[field.place.line - 1].lstrip())
    used = re.compile(rf"(?<![\w.\"'#]){re.escape(field.name)}(?![\w\"'])")
    for line in lines[field.place.line:]:
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            return False
        if used.search(line.partition(" #")[0]) and not re.match(rf"\s*{re.escape(field.name)}\s*[:=]", line):
            return True
    return False


def reads_text(field: SettingField) -> bool:
    """Whether Pydantic makes the value of a field from a text; of a class that it does not know it makes nothing."""
    return not field.annotation or TEXT_TYPES.search(field.annotation) is not None


def _field_fix(project: Project, literal: SecretLiteral, field: SettingField) -> Fix:
    """The field loses its default, and with it what only the default needed."""
    annotation = None if literal.annotation or field.annotation else "str"
    intents: list[Intent] = [ReplaceDefault(literal.holder, field.name, None, annotation)]
    if literal.context == "fallback" and literal.variable.upper() == field.env.upper():
        base = literal.reader.partition(".")[0]
        intents.append(RemoveUnusedImport(literal.place.path, base))
    return _fix(project, literal, field.env, intents, f"Require {field.env}")


def _fallback_fix(project: Project, literal: SecretLiteral) -> Fix:
    """``os.getenv("X", "literal")`` becomes ``os.environ["X"]``."""
    path, place, reader = literal.place.path, literal.read_place, literal.reader
    title = f"Require {literal.variable}"
    if place is None or not literal.read:
        return advice(title, f"the fallback is made of several parts; {ROTATE}")
    base = re.fullmatch(r"((?:\w+\.)*)(?:getenv|environ\.get)", reader)
    if base and (base[1] or reader == "environ.get"):
        new = f'{base[1]}environ["{literal.variable}"]'
        return _fix(project, literal, literal.variable, [ReplaceExpression(place, literal.read, new)], title)
    if reader == "getenv":
        new = f'environ["{literal.variable}"]'
        intents: list[Intent] = [ReplaceExpression(place, literal.read, new), EnsureImport(path, "os", "environ"),
                                 RemoveUnusedImport(path, "getenv")]
        return _fix(project, literal, literal.variable, intents, title)
    if literal.keyword:
        call = reader.rpartition(".")[2]
        return _fix(project, literal, literal.variable, [RemoveKeyword(place, call, literal.keyword)], title)
    return advice(title, f"how {reader} is told that a variable is required is not known; {ROTATE}")


def _literal_fix(project: Project, literal: SecretLiteral) -> Fix:
    """The literal becomes a read of a required setting, or of a variable where the project has no settings class."""
    path, variable = literal.place.path, variable_of(literal)
    encoded = ".encode()" if re.match(r"[rR]?[bB]", literal.text) else ""
    classes = project.facts.settings_classes
    reachable = len(classes) == 1 and classes[0].place.path != path and classes[0].instances
    title = f"Read {variable} from {'settings' if reachable else 'the environment'}"
    if reachable and not literal.in_class:
        name = variable.lower()
        intents: list[Intent] = [
            EnsureSetting(name, "str", None, variable, meaning="secret, required", secret=True),
            ReplaceExpression(literal.place, literal.text, f"{{setting:{name}}}{encoded}"),
        ]
        return Fix(title, tuple(intents), safety="review", reason=REASON)
    new = f'os.environ["{variable}"]{encoded}'
    intents = [ReplaceExpression(literal.place, literal.text, new), EnsureImport(path, "os")]
    fix = _fix(project, literal, variable, intents, title)
    function = literal.place.symbol.rpartition(".")[2]
    if function and f"def {function}(" in project.text(path):
        return replace(fix, reason=f"{function} fails where the variable is not set, so set it first; {ROTATE}")
    return fix


def _fix(project: Project, literal: SecretLiteral, variable: str, intents: list[Intent], title: str) -> Fix:
    example = example_near((d for d in project.facts.dotenvs if d.example), literal.place.path,
                           project.facts.modules.by_path)
    if example and variable.lower() not in {name.lower() for name in example.names}:
        intents = [*intents, EnsureEnvExample(example.path, variable, "", "secret, required")]
    return Fix(title, tuple(intents), safety="review", reason=REASON)



def _whole(literal: SecretLiteral) -> bool:
    """Whether the literal is the secret and nothing else, so that a variable can stand in its place."""
    if literal.kind == "dsn":
        return bool(re.match(r"[a-z][a-z0-9+.-]*://", literal.value))
    return literal.kind != "provider" or bool(re.fullmatch(r"[\w.:+/=-]+", literal.value)) and "//" not in literal.value


def _by_function(literal: SecretLiteral, name: str) -> str:
    """The name after the function that the literal stands in, less its verb: ``init_admin`` is ADMIN_PASSWORD."""
    words = words_of(literal.place.symbol.rpartition(".")[2])
    while words and words[0] in ("init", "create", "make", "ensure", "add", "get", "setup", "seed", "insert", "first"):
        words = words[1:]
    if not words:
        return ""
    return "_".join(words).upper() if words[-1] == name else f"{'_'.join(words)}_{name}".upper()


def variable_of(literal: SecretLiteral) -> str:
    """The environment variable that a literal's name suggests: ``api_key`` of ``OpenAI(…)`` is OPENAI_API_KEY."""
    name = "_".join(words_of(literal.target or literal.name))
    url = dsn_password(literal.value) if literal.kind == "dsn" else None
    if url is not None and not {"url", "uri", "dsn"} & set(name.split("_")):
        return _URLS.get(url.scheme.partition("+")[0], "DATABASE_URL")
    if url is not None and name in ("url", "uri", "dsn"):
        return f"{url.scheme.partition('+')[0].upper()}_{name.upper()}"
    label = provider_of(literal.value)
    if label and name in _GENERAL:
        return "_".join(words_of(label)).upper()
    if name in _GENERAL and literal.context == "entry" and (told := _by_function(literal, name)):
        return told
    if name in _GENERAL and literal.callee and literal.context == "argument":
        owner = literal.callee.rpartition(".")[2].lower().removeprefix("async").strip("_")
        if re.search("hash|user|account|create", owner) and (told := _by_function(literal, name)):
            return told
        if owner not in ("encode", "decode", "new", "key"):
            return f"{owner}_{name}".upper() if owner not in name else name.upper()
        return "JWT_SECRET" if "jwt" in literal.callee else "SIGNING_KEY"
    return name.upper() or "SECRET"
