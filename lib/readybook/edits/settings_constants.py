"""Settings of a project that keeps them as constants: one module, or plain class, each value read where it is bound.

``os.getenv``, decouple's and Starlette's ``config(…)`` and environs' ``env.int(…)`` are known. A new setting stands
there as the others do: a second home of settings beside it would be one more place to look.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_imports import Bound, bindings, ensure_import
from readybook.edits.python_source import PythonSource, dotted
from readybook.edits.settings_home import NOT_SERVED, SettingsHome, access, field_case, service_folder
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.intents import EnsureImport, EnsureSetting
from readybook.patterns import regex
from readybook.records import record

HOME = regex(r"(?:^|[/_])(?:conf(?:ig(?:uration)?s?)?|settings?|env(?:s|ironment)?|const(?:ant)?s?)(?:/__init__)?\.py$")
READS = regex(r"\b(?:getenv|environ|config|env(?:\.\w+)?)[ \t]*[(\[.]")
BUILDS = regex(r"=\s*(?:\w+\.)*FastAPI\(")
OS_READERS = ("os.getenv", "os.environ.get", "getenv", "environ.get")
CAST = {"int": "int", "float": "float", "bool": "bool"}
TRUE = 'in ("1", "true", "yes", "on")'


@record
class Constant:
    """One constant read from the environment: its name, statement, the call's text, and what reads it."""

    name: str
    statement: cst.SimpleStatementLine
    code: str
    reader: str
    family: str
    annotated: bool


def find_constants(work: Work, path: str = "") -> SettingsHome | None:
    """The home of the constants that most of the code imports and that ``path`` can import; None without one.

    Its ``version`` is 0; ``name`` is the class that holds them, empty where the module does.
    """
    near = work.near or path
    key = f"constants home of {service_folder(work, near)}"
    if key not in work.chosen:
        homes = list(_homes(work, near))
        users: Counter[str] = Counter()
        for one in work.paths if homes else ():
            if one.endswith(".py"):
                users.update(work.modules.imported_files(one) & {h for h, *_ in homes} - {one})
        # what nothing imports is a script's own, or no home at all
        homes = [h for h in homes if users[h[0]]]
        best = min(homes, key=lambda h: (-users[h[0]], h[0].count("/"), h), default=("", "", ""))
        work.chosen[key] = "::".join(best)
    found, _, rest = work.chosen[key].partition("::")
    name, _, handle = rest.partition("::")
    # a file that is still to be made asks again when it reads the setting
    if not found or near != found and work.text(near) is not None and not work.modules.share_a_root(near, found):
        return None
    return SettingsHome(found, name, 0, (found, handle) if handle else None, None)


def _homes(work: Work, near: str) -> Iterator[tuple[str, str, str]]:
    """(path, class, name by which others reach the class) of every module that keeps its settings as constants."""
    folder = service_folder(work, near)
    for path in sorted(work.paths):
        if not HOME.search(path) or NOT_SERVED.search(path) or folder and not path.startswith(f"{folder}/"):
            continue
        text = work.text(path)
        if not text or not READS.search(text) or BUILDS.search(text) or "BaseSettings" in text:
            continue
        try:
            source = work.source(path)
        except PatchError:
            continue
        if constants(source, source.module.body):
            yield path, "", ""
            continue
        for node in source.module.body:
            if isinstance(node, cst.ClassDef) and isinstance(node.body, cst.IndentedBlock) and not node.decorators:
                plain = not node.bases or [source.code(b) for b in node.bases] == ["object"]
                if plain and not node.keywords and constants(source, node.body.body):
                    handle = _handle(source, node.name.value)
                    if handle:
                        yield path, node.name.value, handle
                        break


def _handle(source: PythonSource, name: str) -> str:
    """The module's object of a class of constants, else the class itself; empty where only a function gives one."""
    for node in source.module.body:
        for small in node.body if isinstance(node, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.Assign | cst.AnnAssign) and isinstance(small.value, cst.Call):
                target = small.target if isinstance(small, cst.AnnAssign) else small.targets[0].target
                if dotted(small.value.func) == name and isinstance(target, cst.Name):
                    return target.value
    return "" if re.search(rf"(?<!class )\b{re.escape(name)}\(", source.text) else name


def constants(source: PythonSource, body: object) -> list[Constant]:
    """The constants of a body whose values its own readers take from the environment, in the order of the text."""
    bound, found = bindings(source), list[Constant]()
    for statement in body if isinstance(body, list | tuple) else ():
        if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
            continue
        small = statement.body[0]
        if isinstance(small, cst.AnnAssign):
            target: cst.BaseExpression = small.target
        elif isinstance(small, cst.Assign) and len(small.targets) == 1:
            target = small.targets[0].target
        else:
            continue
        if not isinstance(target, cst.Name) or small.value is None:
            continue
        read = _read(source, bound, small.value)
        if read:
            found.append(Constant(target.value, statement, source.code(small.value), *read,
                                  isinstance(small, cst.AnnAssign)))
    return found


def _read(source: PythonSource, bound: dict[str, Bound], value: cst.BaseExpression) -> tuple[str, str] | None:
    """(reader, family) of a value that is read from the environment, what is done to the text around it aside."""
    start, end = source.span(value)
    for call in source.nodes(cst.Call):
        if not start <= source.span(call)[0] < end:
            continue
        reader = dotted(call.func)
        if reader in OS_READERS and bound.get(reader.partition(".")[0], Bound()).module == "os":
            return reader, "os"
        if call is value and reader:
            family = _family(source, bound, reader)
            if family:
                return reader, family
    for one in source.nodes(cst.Subscript):
        if one is value and dotted(one.value) in ("os.environ", "environ"):
            reader = "os.getenv" if dotted(one.value) == "os.environ" else "environ.get"
            return (reader, "os") if bound.get(reader.partition(".")[0], Bound()).module == "os" else None
    return None


def _family(source: PythonSource, bound: dict[str, Bound], reader: str) -> str:
    """``decouple``, ``starlette`` or ``environs`` where ``reader`` is a call of such a reader; else empty."""
    base = reader.partition(".")[0]
    origin = bound.get(base)
    if origin is None:
        return ""
    if origin == Bound("decouple", "config"):
        return "decouple" if reader == base else ""
    for node in source.module.body:
        for small in node.body if isinstance(node, cst.SimpleStatementLine) else ():
            if not isinstance(small, cst.Assign | cst.AnnAssign) or not isinstance(small.value, cst.Call):
                continue
            target = small.target if isinstance(small, cst.AnnAssign) else small.targets[0].target
            maker = bound.get(dotted(small.value.func), Bound())
            if not isinstance(target, cst.Name) or target.value != base:
                continue
            if maker.module == "starlette.config" and maker.name == "Config" and reader == base:
                return "starlette"
            if maker.module == "decouple" and maker.name in ("Config", "AutoConfig") and reader == base:
                return "decouple"
            if maker.module == "environs" and maker.name == "Env":
                return "environs"
    return ""


def ensure_constant(work: Work, home: SettingsHome, intent: EnsureSetting) -> bool:
    """Bind a constant for the setting in its home, in the style of those there; False where its name is bound."""
    text = work.text(home.path)

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        del draft
        body = _body(source, home)
        present = constants(source, body)
        if not present:
            raise PatchError(f"{home.path}: no setting is read from the environment there any more")
        if _bound_as(source, home, intent.name):
            return []
        name = intent.name.upper() if field_case([c.name for c in present]) == "upper" else intent.name
        anchor = present[-1].statement
        typed = f": {intent.annotation}" if sum(c.annotated for c in present) * 2 > len(present) else ""
        value = _value(work, source, home, intent, present)
        indent = source.indent_at(source.start(anchor))
        at = source.line_end(source.span(anchor)[1])
        code = work.fitted(home.path, f"{name}{typed} = {value}", indent, first=True)
        ended = source.text[:at].endswith(("\n", "\r"))
        line = code + source.newline if ended else source.newline + code
        return [Splice(at, at, line, f"setting {name}")]

    work.plan(home.path, planner)
    return work.text(home.path) != text


def _body(source: PythonSource, home: SettingsHome) -> object:
    if not home.name:
        return source.module.body
    for node in source.module.body:
        if isinstance(node, cst.ClassDef) and node.name.value == home.name:
            return getattr(node.body, "body", ())
    raise PatchError(f"{home.path}: there is no class {home.name}")


def _bound_as(source: PythonSource, home: SettingsHome, name: str) -> str:
    """The constant of that name, whatever its case; empty without one."""
    if not home.name:
        return next((n for n, b in bindings(source).items() if n.lower() == name.lower() and not b.module), "")
    for statement in _body(source, home):  # type: ignore[attr-defined]
        for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.Assign | cst.AnnAssign):
                target = small.target if isinstance(small, cst.AnnAssign) else small.targets[0].target
                if isinstance(target, cst.Name) and target.value.lower() == name.lower():
                    return target.value
    return ""


def _value(
    work: Work, source: PythonSource, home: SettingsHome, intent: EnsureSetting, present: list[Constant]
) -> str:
    """The expression that reads the setting, by the means that most of the constants use."""
    reader, family = Counter((c.reader, c.family) for c in present).most_common(1)[0][0]
    kind, default = intent.annotation.replace(" ", ""), None
    if kind not in ("str", "int", "float", "bool", "list[str]"):
        raise PatchError(f"{home.path}: how a constant of type {intent.annotation} is read is not known")
    if intent.default is not None:
        try:
            default = ast.literal_eval(intent.default)
        except (ValueError, SyntaxError):
            raise PatchError(f"{home.path}: the default {intent.default} is no plain value") from None
    required = intent.default is None
    if family == "os":
        return _os_value(work, home, intent, kind, default, reader, present)
    if family == "environs":
        base = reader.partition(".")[0]
        call = f"{base}.{'list' if kind == 'list[str]' else kind}"
        return f'{call}("{intent.env}"' + ("" if required else f", default={_written(default)}") + ")"
    parts = [] if required else [f"default={_written(default)}"]
    if kind == "list[str]":
        parts = [] if required else [f"default={_written(','.join(default or ()))}"]
        splitter = "Csv()" if family == "decouple" else "CommaSeparatedStrings"
        ensure_import(work, EnsureImport(home.path, *(
            ("decouple", "Csv") if family == "decouple" else ("starlette.datastructures", "CommaSeparatedStrings"))))
        parts.append(f"cast={splitter}")
    elif kind in CAST:
        parts.append(f"cast={kind}")
    if any(re.search(r"cast=.*default=", c.code, re.S) for c in present):
        parts.reverse()
    call = f'{reader}({", ".join([_written(intent.env), *parts])})'
    return f"list({call})" if kind == "list[str]" and family == "starlette" else call


def _written(value: object) -> str:
    """A plain value in double quotes, which the file's own then replace."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    return repr(value)


def _os_value(
    work: Work, home: SettingsHome, intent: EnsureSetting, kind: str, default: object, reader: str,
    present: list[Constant],
) -> str:
    name = _written(intent.env)
    if intent.default is None:
        if kind not in ("str", "int", "float"):
            raise PatchError(f"{home.path}: a required {kind} is not read from the environment without a default")
        # the loud form: what ``getenv`` gives for a variable that is not set fails later, if at all
        module = "os." if reader.startswith("os.") else ""
        if not module:
            ensure_import(work, EnsureImport(home.path, "os", "environ"))
        text = f"{module}environ[{name}]"
    elif kind == "list[str]":
        text = f"{reader}({name}, {_written(','.join(default or ()))})"  # type: ignore[call-overload]
    elif kind == "bool":
        text = f"{reader}({name}, {_written(str(bool(default)).lower())})"
    else:
        text = f"{reader}({name}, {_written(str(default))})"
    if kind == "str":
        return text
    if kind == "list[str]":
        return f'[part.strip() for part in {text}.split(",") if part.strip()]'
    if kind == "bool":
        plain = any(re.search(r"""\.lower\(\) == ["']true["']""", c.code) for c in present)
        return f'{text}.lower() == "true"' if plain else f"{text}.lower() {TRUE}"
    return f"{kind}({text})"


def constant_access(work: Work, home: SettingsHome, path: str, name: str) -> tuple[str, tuple[EnsureImport, ...]]:
    """The expression by which code of ``path`` reads the constant of a setting, and the imports that it needs."""
    if home.path == path:
        raise PatchError(f"{path}: the setting is bound in this file, and may not be yet where it is read")
    if work.draft(home.path).pending:
        work.drafts[home.path] = work.draft(home.path).settled()
    bound = _bound_as(work.source(home.path), home, name)
    if not bound:
        raise PatchError(f"{home.path}: there is no setting {name}")
    target = SettingsHome(home.path, home.name, 0, home.instance or (home.path, bound), None)
    text, wants = access(work, target, path)
    return text + (f".{bound}" if home.name else ""), (EnsureImport(path, *wants),) if wants else ()
