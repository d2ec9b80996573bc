"""SEC012: debugging that is on in production."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from readybook import Check, Finding, Fix, Hours, NotApplicable, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.modules import Module
from readybook.facts.program import App
from readybook.facts.serving import ServeCommand
from readybook.facts.settings import SettingField, SettingsClass
from readybook.facts.shelltests import shell_test
from readybook.facts.values import Choice, FromEnv, by_default
from readybook.finding import Answer
from readybook.intents import Intent, RemoveKeyword, ReplaceDefault, ReplaceLineText
from readybook.patterns import regex
from readybook.place import Place
from readybook.project import Project
from readybook_checks.security.sec012_debug_in_production.examples import EXAMPLES

DEBUG_FIELD = regex(r"(?i)(?:(?:app|api|fastapi|server|is)_)?debug(?:_?mode)?")
ELSEWHERE = regex(r"(?i)dev|local|test|stag|debug")
ALWAYS_DEPLOYED = ("dockerfile", "procfile", "kubernetes", "systemd", "supervisor", "platform", "pyproject")
# files that say what runs where the service is deployed
DEPLOYING = regex(r"(?i)(?:^|/)(?:[\w.-]*dockerfile[\w.-]*|procfile"
                  r"|[\w.-]+\.(?:ya?ml|service|conf|toml|tf))$")
VENV = regex(r"(?m)(?:^|[\s;&/])(?:\.|source)?[ \t]*\S*(?:venv|env)\S*/(?:bin|Scripts)/|python3? -m venv")
# keyword of a call → (what a debug setting switches on there, severity)
EFFECTS = {
    "debug": ("debug mode", "medium"), "reload": ("the server's reloading", "medium"),
    "echo": ("the logging of every SQL statement", "medium"), "docs_url": ("the documentation", "low"),
    "openapi_url": ("the documentation", "low"),
    "level": ("the log level", "low"), "log_level": ("the log level", "low"),
}
RELOAD_TEXTS = ((', "--reload"', ""), ('"--reload", ', ""), ("- --reload", ""), ('- "--reload"', ""), (" --reload", ""))
DEV_TEXTS = (('"dev"', '"run"'), ("fastapi dev", "fastapi run"), ("- dev", "- run"))


class DebugInProduction(Check):
    """Debug mode or automatic reloading is on in what is deployed.

    ``FastAPI(debug=True)`` answers an error with the traceback, source lines included, to whoever caused it. Reloading
    watches the file system, allows one process only, and starts the service anew when a file changes.

    Looked at: ``debug`` of every served application, followed through settings; settings fields named debug whose
    default is true, with what they switch on; ``uvicorn.run(reload=True)``; ``--reload`` and ``fastapi dev`` in
    Dockerfiles, compose files, manifests, Procfiles and start scripts. Files for development are left alone, and so is
    what stands below ``if __name__ == "__main__"``, unless the deployed command runs that file. A script that no image,
    service or manifest runs is a developer's where those start the service otherwise, or where it serves this machine
    alone; else it is medium.

    Fix: the default is False, ``--reload`` goes, ``fastapi dev`` becomes ``fastapi run``.
    """

    id = "SEC012"
    name = "debug-in-production"
    category = "security"
    severity = "high"
    hours = Hours(0.25, 0.5, 1)
    fix_kinds = ("codemod", "config", "advice")
    references = ("https://fastapi.tiangolo.com/reference/fastapi/", "https://www.uvicorn.org/settings/",
                  "https://cwe.mitre.org/data/definitions/489.html")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each thing that is on; a Right for each application and deployed command without."""
        facts = project.facts
        commands = [c for c in facts.serve_commands if c.purpose == "deploy"]
        answers = [*(_app_answer(project, app) for app in facts.apps if app.served),
                   *_setting_answers(project), *_run_answers(project, commands), *_command_answers(project, commands)]
        if not answers:
            yield NotApplicable("no application is served and no server is started")
        yield from answers


def _app_answer(project: Project, app: App) -> Answer:
    value = app.kwargs.get("debug", False)
    if by_default(value) is not True or isinstance(value, Choice):
        return Right(app.place, "debug is off, or on by environment", app.spec)
    effect = "errors are answered with tracebacks"
    if isinstance(value, FromEnv) and value.place is not None:
        fix = _default_fix(project, value)
        return Finding(value.place, f"{value.name} defaults to true and is the debug mode of {app.spec}: {effect}.",
                       "high", fix=fix, app=app.spec, chain=(app.place,))
    node = app.instance.node
    fix = advice("Leave debug mode off", "where the value comes from is not a literal of this call")
    if node is not None and node[0] == "call" and any(key == "debug" for key, _ in node[5]):
        fix = Fix("Leave debug mode off", (RemoveKeyword(app.place, node[3][-1], "debug"),), safety="review",
                  reason="developers no longer see tracebacks in the browser; the log has them")
    return Finding(app.place, f"{app.spec} runs in debug mode: {effect}.", "high", fix=fix, app=app.spec)


def _default_fix(project: Project, value: FromEnv) -> Fix:
    field = next((f for c in project.facts.settings_classes for f in c.fields if f.place == value.place), None)
    if field is None:
        return advice(f"Let {value.name} be false where it is unset", "its fallback is written differently each time")
    return _field_fix(field)


def _field_fix(field: SettingField) -> Fix:
    intent = ReplaceDefault(field.place, field.name, "False")
    return Fix(f"Let {field.env} default to false", (intent,), safety="review",
               reason=f"developers who want it set {field.env}=true in their own environment")


def _setting_answers(project: Project) -> Iterator[Answer]:
    """Settings fields named debug that are on by default and are not the application's own debug mode."""
    classes = project.facts.settings_classes
    given = [app.kwargs.get("debug") for app in project.facts.apps if app.served]
    seen = {value.place for value in given if isinstance(value, FromEnv)}
    for cls in classes:
        for field in cls.fields:
            named = field.place not in seen and DEBUG_FIELD.fullmatch(field.name)
            if not named or by_default(field.default) is not True:
                continue
            seen.add(field.place)
            if not ELSEWHERE.search(field.place.symbol) and not _off_in_production(classes, field):
                yield _field_finding(project, field)


def _off_in_production(classes: tuple[SettingsClass, ...], field: SettingField) -> bool:
    """Whether a settings class for production sets the field to false."""
    return any(re.search(r"(?i)prod", c.path) and f.name == field.name and by_default(f.default) is False
               for c in classes for f in c.fields)


def _field_finding(project: Project, field: SettingField) -> Finding:
    effects = list(_effects(project, field))
    severity = "medium" if any(s == "medium" for _, s, _ in effects) else "low"
    names = list(dict.fromkeys(text for text, _, _ in effects))
    does = f"it switches on {' and '.join(names[:3])}" if names else "nothing that the code shows depends on it yet"
    return Finding(field.place, f"{field.env} defaults to true: {does}.", severity,
                   confidence="high" if names else "medium", fix=_field_fix(field),
                   chain=tuple(place for _, _, place in effects[:3]))


def _effects(project: Project, field: SettingField) -> Iterator[tuple[str, str, Place]]:
    """(what, severity, place) of every call that gets the field, or something chosen by it."""
    word = re.compile(rf"\b{re.escape(field.name)}\b")
    for call in project.facts.behaviour.calls:
        for key, value in call.kwargs.items():
            effect = EFFECTS.get(key)
            if effect and _depends(value, field, word):
                yield *effect, call.place
        if call.last == "setLevel" and any(_depends(value, field, word) for value in call.args):
            yield *EFFECTS["level"], call.place
        elif any(word.search(c) and not re.search(rf"not \(?[\w.]*{field.name}", c) for c in call.conditions):
            yield f"{call.last}()", "low", call.place


def _depends(value: Any, field: SettingField, word: re.Pattern[str]) -> bool:
    if isinstance(value, FromEnv):
        return value.place == field.place
    return isinstance(value, Choice) and any(word.search(test) or _depends(v, field, word) for test, v in value.options)


def _run_answers(project: Project, commands: list[ServeCommand]) -> Iterator[Answer]:
    """``uvicorn.run(reload=True)``: guarded, in a function, or run by whoever imports the module."""
    scripts = {c.file: c for c in sorted(commands, key=lambda c: c.source in ALWAYS_DEPLOYED)
               if c.server == "python" and c.file}
    sound = _sound(project, commands)
    for call in project.facts.behaviour.calls_to("uvicorn.run"):
        if by_default(call.kwargs.get("reload", False)) is True and not isinstance(call.kwargs["reload"], Choice):
            yield _run_answer(project, call, scripts.get(call.place.path), sound)
    for path, command in sorted(scripts.items()):
        module = project.facts.modules.by_path.get(path or "")
        for place in _guarded_runs(module) if module is not None else ():
            if _by_hand(project, command):
                yield _started_by_hand(project, command, sound) or _run_finding(
                    place, "medium", f"{command.place.path} runs it", command.place)
            else:
                yield _run_finding(place, "high", f"the deployed command {command.text!r} runs it", command.place)


def _run_answer(project: Project, call: Call, command: ServeCommand | None, sound: bool) -> Answer:
    if command is not None and not _by_hand(project, command):
        return _run_finding(call.place, "high", f"the deployed command {command.text!r} runs this file", command.place)
    function = call.function.rpartition(".")[2]
    if not function:
        return _run_finding(call.place, "high", "importing the module starts it", None)
    if sound:
        return Right(call.place, "what is deployed is started by another command")
    callers = project.facts.behaviour.by_path.get(call.function, [])
    if not callers and (_called_by_hand(project, call, function) or _for_developers(call)):
        return Right(call.place, "only a developer starts it")
    return _run_finding(call.place, "medium", f"whoever starts the service by {function}() gets it", None)


def _sound(project: Project, commands: list[ServeCommand]) -> bool:
    """Whether something that is always deployed starts a server that does not reload."""
    def reloads(command: ServeCommand) -> bool:
        module = project.facts.modules.by_path.get(command.file or "")
        runs = command.server == "python" and module is not None and any(_guarded_runs(module))
        return runs or _developing(command)

    return any(c.source in ALWAYS_DEPLOYED and not reloads(c) for c in commands)


def _by_hand(project: Project, command: ServeCommand) -> bool:
    """Whether a command stands in a script that no image, service or manifest of the target runs."""
    if command.source != "script":
        return False
    name = re.compile(rf"(?<![\w.-]){re.escape(command.place.path.rpartition('/')[2])}(?![\w.-])")
    return not any(name.search(file.text) for path, file in project.files.items()
                   if DEPLOYING.search(path) and not path.startswith(".github/"))


def _started_by_hand(project: Project, command: ServeCommand, sound: bool) -> Right | None:
    """Whose script it is: a developer's where what is deployed starts otherwise, or where it serves this machine."""
    text = project.text(command.place.path)
    if sound:
        return Right(command.place, "what is deployed is started by another command")
    if command.host in ("127.0.0.1", "localhost") or VENV.search(text):
        return Right(command.place, "only a developer starts it")
    return None


def _called_by_hand(project: Project, call: Call, function: str) -> bool:
    """Whether the function is called below ``if __name__ == "__main__"`` of its file."""
    lines = project.text(call.place.path).split("\n")
    start = next((n for n, line in enumerate(lines) if line.startswith("if __name__ ==")), len(lines))
    return any(f"{function}(" in line for line in lines[start:])


def _for_developers(call: Call) -> bool:
    """Whether the function that starts the server says that it is for development: by decorator, name or docstring."""
    function = call.site.function
    if function is None:
        return False
    first = function.node[10] if function.node[0] == "def" else function.node[1]
    lines = call.site.module.text.split("\n")[first - 1:call.place.line - 1]
    return bool(re.search(r"(?i)\b(?:dev|develop|development)\b|_dev\b|dev_", "\n".join(lines)))


def _run_finding(place: Place, severity: str, why: str, by: Place | None) -> Finding:
    fix = Fix("Leave reloading to the developers' command", (RemoveKeyword(place, "run", "reload"),), safety="review",
              reason="developers start the server with --reload, or `fastapi dev`, themselves")
    return Finding(place, f"uvicorn.run reloads on every change of a file, and {why}.", severity, fix=fix,
                   confidence="high" if by else "medium", chain=(by,) if by else ())


def _guarded_runs(module: Module) -> Iterator[Place]:
    """Calls of ``….run(reload=True)`` directly below ``if __name__ == "__main__"``."""
    for statement in module.body:
        if statement[0] == "if" and statement[4][0] == "cmp" and statement[4][3][-1] == "__name__":
            for inner in statement[5]:
                call = inner[4] if inner[0] == "expr" else None
                if call is not None and call[0] == "call" and call[3][-1] == "run" and any(
                    key == "reload" and value[0] == "const" and value[3] is True for key, value in call[5]
                ):
                    yield module.place(call)


def _command_answers(project: Project, commands: list[ServeCommand]) -> Iterator[Answer]:
    """Deployed commands that reload or run the development server."""
    sound = _sound(project, commands)
    for command in commands:
        if not _developing(command):
            yield Right(command.place, "the command does not reload")
            continue
        test = shell_test(project.text(command.place.path), command.place.line) if command.source == "script" else ""
        if ELSEWHERE.search(test) or "reload" in test.lower():
            yield Right(command.place, f"it reloads where {_short(test)}")
            continue
        alone = _by_hand(project, command)
        right = _started_by_hand(project, command, sound) if alone else None
        if right is not None:
            yield right
            continue
        dev = command.server == "fastapi dev"
        what = "runs FastAPI's development server" if dev else "reloads on every change of a file"
        beside = command.source in ("compose", "script") and sound
        mounted = command.source in ("compose", "script") and _mounts_code(project, command)
        branch = command.source == "script" and any(c.place.path == command.place.path and not _developing(c)
                                                    for c in commands)
        severity = "medium" if beside or mounted or alone or branch else "high"
        note = ", where the image itself would not" if beside else " over the code that it mounts" if mounted else (
            " where its argument says so" if branch else "")
        yield Finding(command.place, f"{_where(command)} {what}{note}: {_short(command.text)!r}.", severity,
                      fix=_command_fix(project, command))


def _mounts_code(project: Project, command: ServeCommand) -> bool:
    """Whether a compose service lays a folder of the target with Python files over its image, as developers do."""
    service = next((s for s in project.facts.compose_services if s.name == command.service), None)
    for volume in service.volumes if service is not None else ():
        source = volume.partition(":")[0]
        if not source.startswith("."):
            continue
        folder = posixpath.normpath(posixpath.join(posixpath.dirname(service.place.path) if service else "", source))
        if any(p.endswith(".py") and (folder == "." or p == folder or p.startswith(f"{folder}/"))
               for p in project.files):
            return True
    return False


def _developing(command: ServeCommand) -> bool:
    return command.server == "fastapi dev" or command.reload


def _where(command: ServeCommand) -> str:
    return f"Service {command.service}" if command.service else f"The command in {command.place.path}"


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"


def _command_fix(project: Project, command: ServeCommand) -> Fix:
    """Take the switch out of the line that holds it; the command may run over several lines below its place."""
    texts = DEV_TEXTS if command.server == "fastapi dev" else RELOAD_TEXTS
    lines = project.text(command.place.path).split("\n")
    title = "Run the server as in production" if texts is DEV_TEXTS else "Take --reload out of the deployed command"
    for number in range(command.place.line, min(command.place.line + 20, len(lines)) + 1):
        line = lines[number - 1].rstrip("\r")
        for old, new in texts:
            if line.count(old) == 1 and not re.search(rf"{re.escape(old)}[-\w]", line):
                intent: Intent = ReplaceLineText(Place(command.place.path, number), old, new)
                return Fix(title, (intent,), kinds=("config",), safety="review", reason="whoever develops with this "
                           "file loses the reloading: a compose.override.yml can bring it")
    return advice(title, "the switch is not written in this file as plain text")
