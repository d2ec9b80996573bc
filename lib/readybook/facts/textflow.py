"""What functions, methods and types do to text that comes from outside: pass it on, make it harmless, bring it in."""

from __future__ import annotations

import re
from typing import Any

from readybook.facts.nodes import statements
from readybook.facts.objects import ClassValue, FunctionValue, Instance, ModuleValue, Subscripted
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.values import Unknown
from readybook.patterns import regex

HARMLESS_TYPES = frozenset({"int", "float", "bool", "UUID", "UUID4", "Decimal", "date", "datetime", "timedelta",
                            "PositiveInt", "NonNegativeInt", "Literal", "None", "IPv4Address", "IPv6Address",
                            "UUID1", "UUID3", "UUID5", "PositiveFloat", "NonNegativeFloat", "NegativeInt", "StrictInt",
                            "StrictBool", "StrictFloat", "conint", "PydanticObjectId", "ObjectId", "time"})
ENUMS = ("enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.IntFlag", "enum.Flag")
HARMLESS_CALLS = frozenset({"int", "float", "bool", "len", "abs", "round", "ord", "hash", "id", "shlex.quote",
                            "shlex.join", "pipes.quote", "uuid.uuid4", "uuid.uuid1", "time.time", "os.getpid", "range",
                            "datetime.datetime.now", "tempfile.mkdtemp", "tempfile.gettempdir", "uuid.UUID",
                            "datetime.datetime.utcnow", "os.cpu_count", "sys.executable", "secrets.token_hex",
                            "secrets.token_urlsafe", "datetime.date.today", "os.getcwd", "enumerate", "sum",
                            "datetime.datetime.fromisoformat", "datetime.datetime.strptime", "decimal.Decimal"})
OF_ARGUMENTS = frozenset({"str", "bytes", "bytearray", "repr", "os.path.join", "os.path.abspath", "os.path.basename",
                          "os.path.expanduser", "pathlib.Path", "textwrap.dedent", "base64.b64decode", "io.BytesIO",
                          "io.StringIO", "gzip.decompress", "zlib.decompress", "bytes.fromhex", "urllib.parse.unquote",
                          "open", "json.loads", "json.dumps", "shlex.split", "list", "tuple", "sorted", "dict",
                          "copy.copy", "copy.deepcopy", "html.unescape", "os.path.normpath", "os.path.realpath",
                          "pathlib.PurePath", "pathlib.PosixPath", "os.fspath", "urllib.parse.urljoin",
                          "urllib.parse.unquote_plus", "set", "next", "iter", "zip", "reversed", "filter", "min", "max",
                          "anyio.Path", "re.sub", "typing.cast", "inspect.cleandoc", "string.Template"})
HARMLESS_METHODS = frozenset({"hexdigest", "count", "index", "find", "isoformat", "timestamp", "fileno", "date"})
TEXT_METHODS = frozenset({"format", "join", "replace", "get", "pop", "setdefault", "format_map", "joinpath",
                          "with_name", "substitute", "safe_substitute", "removeprefix", "with_suffix"})
KEYED = frozenset({"get", "pop", "setdefault"})
FIELDS = frozenset({"model_dump", "dict", "_asdict", "asdict", "model_fields"})  # keys are names of fields
REQUEST = ("starlette.requests.", "fastapi.Request", "starlette.datastructures.UploadFile", "fastapi.UploadFile",
           "starlette.websockets.", "fastapi.WebSocket")
# attributes of a request that middleware and signed cookies fill, not who calls
SERVER_SIDE = frozenset({"user", "auth", "state", "app", "session"})
NETWORK = ("requests.", "httpx.", "httpx2.", "aiohttp.", "urllib.request.", "websockets.", "socket.")
CONSOLE = frozenset({"input", "getpass.getpass", "sys.stdin.read", "sys.stdin.readline"})
INJECTED = ("Depends(", "Security(")
CONFIGURATION = regex(r"(?i)(?:^|[._])(?:settings|config|conf|cfg|configuration|env)(?:\(\))?$")
PATTERN = regex(r"\b(?:pattern|regex)=")


def harmless_type(annotation: Node | None, near: FunctionValue | ClassValue) -> bool:
    """Whether values of the annotated type cannot be harmful text: numbers, dates, UUIDs, members of an enum."""
    if annotation is None:
        return False
    if annotation[0] == "const":
        return annotation[3] is None or annotation[3] in HARMLESS_TYPES
    if annotation[0] == "bin":
        return harmless_type(annotation[4], near) and harmless_type(annotation[5], near)
    if annotation[0] == "sub":
        base, inner = unparse(annotation[3]).rpartition(".")[2], annotation[4]
        if base == "Literal":
            return True
        parts = inner[3] if inner[0] == "tuple" else (inner,)
        if base == "Annotated":
            return harmless_type(parts[0], near)
        return base in ("Optional", "Union", "list", "List", "set", "tuple", "Sequence") and all(
            harmless_type(p, near) for p in parts)
    if unparse(annotation).rpartition(".")[2] in HARMLESS_TYPES:
        return True
    value = named_class(annotation, near)
    return isinstance(value, ClassValue) and value.is_a(*ENUMS)


VALIDATOR = regex(r"\b(?:Before|After|Wrap|Plain)Validator$")
VALIDATING = regex(r"(?:\w+\.)?(?:field_validator|validator)\(")


def refused_by_model(model: ClassValue, name: str) -> bool:
    """Whether a validator of a pydantic model, or of the field's type, looks at it and turns some values away."""
    if _refused_by_type(*field_type(model, name)):
        return True
    for cls in model.mro():
        for s in cls.node[7] if isinstance(cls, ClassValue) else ():
            if s[0] == "ann" and s[4][-1] == name and s[6] is not None and _with_pattern(s[6]):
                return True
            if s[0] != "def" or not any(inner[0] in ("raise", "assert") for inner in statements(s[6])):
                continue
            for decorator in map(unparse, s[7]):
                if VALIDATING.match(decorator) and re.search(rf"[\"']{re.escape(name)}[\"']", decorator):
                    return True
    return False


def field_type(model: ClassValue, name: str) -> tuple[Node | None, ClassValue]:
    """The annotation of a model's field, and the class that has it; None where no class of the project has one."""
    for cls in model.mro():
        if isinstance(cls, ClassValue) and name in cls.annotations:
            return cls.annotations[name], cls
    return None, model


def _with_pattern(node: Node) -> bool:
    """Whether an expression gives a text its pattern: ``Field(pattern=…)``, ``constr(regex=…)``."""
    return node[0] == "call" and any(k in ("pattern", "regex") for k, _ in node[5])


def _refused_by_type(annotation: Node | None, near: ClassValue) -> bool:
    """Whether a type brings a pattern, or a validator that turns something away: ``Annotated[str, AfterValidator(…)]``.

    A name for such a type counts, and so does a validator whose body is not seen.
    """
    if annotation is None:
        return False
    if annotation[0] == "name":
        value = named_class(annotation, near)
        given = value.args if isinstance(value, Subscripted) else ()
        return any(isinstance(v, Instance) and ("pattern" in v.kwargs or VALIDATOR.search(v.path) is not None
                                                and all(map(_turns_away, v.args[:1]))) for v in given)
    parts = annotation[4][3] if annotation[0] == "sub" and annotation[4][0] == "tuple" else (annotation,)
    for part in parts:
        if _with_pattern(part):
            return True
        if part[0] == "call" and VALIDATOR.search(unparse(part[3])) and all(
                _turns_away(named_class(a, near)) for a in part[4][:1]):
            return True
    return False


def _turns_away(function: Any) -> bool:
    """Whether a function raises something, as far as it is seen."""
    if not isinstance(function, FunctionValue) or function.node[0] != "def":
        return True
    return any(s[0] in ("raise", "assert") for s in statements(function.node[6]))


def named_class(annotation: Node | None, near: FunctionValue | ClassValue) -> Any:
    """The class of the project that an annotation names, plainly, through a module or in Optional or Annotated."""
    if annotation is not None and annotation[0] == "attr":
        base = named_class(annotation[3], near)
        return base.scope.names.get(annotation[4]) if isinstance(base, ModuleValue) else None
    if annotation is not None and annotation[0] == "sub":
        outer = unparse(annotation[3]).rpartition(".")[2]
        first = annotation[4][3][0] if annotation[4][0] == "tuple" and annotation[4][3] else annotation[4]
        return named_class(first, near) if outer in ("Annotated", "Optional") else None
    if annotation is None or annotation[0] != "name":
        return None
    try:
        return near.scope.find(annotation[3])
    except KeyError:
        return None


def lost(annotation: Node | None, near: FunctionValue | ClassValue) -> bool:
    """Whether a type is one of a module that is not found, or that has none of the name: what it holds is not known."""
    base = named_class(annotation[3], near) if annotation is not None and annotation[0] == "attr" else None
    if isinstance(base, ModuleValue) and annotation is not None:
        return annotation[4] not in base.scope.names
    return isinstance(base, Unknown)
