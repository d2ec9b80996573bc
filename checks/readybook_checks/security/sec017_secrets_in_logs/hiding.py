"""Where a filter that hides secrets goes: into the project's logging set-up, else where its application is built."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from importlib.resources import files

from readybook import Fix, Project, advice
from readybook.facts.behaviour import Call
from readybook.facts.bindings import bindings_of
from readybook.facts.objects import ClassValue
from readybook.facts.origins import Origins
from readybook.facts.program import App
from readybook.facts.scopes import scope_of
from readybook.facts.secretvalues import words_of
from readybook.facts.syntax import Node
from readybook.intents import AddFile, EnsureAfter, EnsureEntry, EnsureImport, Intent, SetUpApp
from readybook.place import Place
from readybook_checks.architecture.app_module import free_module, with_mounted
from readybook_checks.devops.health_router import import_name

TEXT = files(__package__).joinpath("secret_filter.py.tmpl").read_text(encoding="utf-8")
STEMS = ("secret_filter", "log_secrets")
CALL = "hide_secrets_in_logs"
KEY = "hide_secrets"
SETTING_UP = ("logging.config.dictConfig", "logging.basicConfig", "logging.config.fileConfig",
              "logging.Logger.addHandler")
HIDING = frozenset({"redact", "redacting", "redaction", "mask", "masking", "censor", "scrub", "scrubbing", "sanitize",
                    "sanitizing", "sanitise", "hide", "sensitive", "secret", "secrets", "pii", "credentials"})
OTHERS = {
    "loguru": (("loguru.logger.configure", "loguru.logger.add"), "a patcher that masks values by their names"),
    "structlog": (("structlog.configure",), "a processor before the renderer that masks values by their names"),
}
LESS = "Leave it out, or write what identifies it without giving it away"


class Log:
    """What is known of the project's log; ``used`` becomes true when its filter hides what a call shows."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.origins: Origins = project.facts.origins
        self.used = False

    @cached_property
    def filter(self) -> Place | None:
        """Where a filter is defined that hides secrets."""
        return hiding_filter(self.project)

    @cached_property
    def fix(self) -> Fix:
        """The filter, or in words why it is not added."""
        intents = wiring(self.project)
        if isinstance(intents, str):
            return advice(LESS, f"a filter of the log could hide it, but {intents}")
        return Fix("Hide the values of named secrets in the log", intents, kinds=("scaffold",), safety="review",
                   reason="whoever searches the log for them no longer finds them; names that only this project knows "
                   "are to be added to the filter")

    def place_of_another(self, call: Call) -> str:
        """In words where loguru or structlog would hide it; empty for other logs."""
        kind = next((k for k in OTHERS if call.path.startswith(f"{k}.")), "")
        if not kind:
            return ""
        setup, what = OTHERS[kind]
        found = self.project.facts.behaviour.calls_to(*setup)
        return f"{what} hides it for all calls, in {found[0].last}() at {found[0].place}" if found else \
            f"{what} hides it for all calls, where the log is set up"


def hiding_filter(project: Project) -> Place | None:
    """Where the project defines a ``logging.Filter`` that by its name hides secrets; None when it has none."""
    for path, loaded in project.facts.program.everything.loaded.items():
        module = project.facts.modules.by_path.get(path)
        if module is None or module.role != "application" or "Filter)" not in module.text:
            continue
        for value in loaded.scope.names.values():
            if isinstance(value, ClassValue) and value.module is module and value.is_a("logging.Filter"):
                if HIDING & set(words_of(value.name)):
                    return module.place(value.node)
    return None


def wiring(project: Project) -> tuple[Intent, ...] | str:
    """The intents that add the filter and put it on the handlers, or in words why none are certain."""
    facts = project.facts
    apps = [a for a in facts.apps if a.served]
    inner = {id(m) for a in apps for m in with_mounted(project, a)[1:]}
    apps = [a for a in apps if id(a) not in inner]
    if len(apps) != 1:
        return "no application is served" if not apps else "several applications are served, each with a log of its own"
    app = apps[0]
    setups = _setups(project, app)
    free = free_module(project, app, *STEMS, beside=setups[0].place.path if setups else "")
    if free is None:
        return "no name for a new module is free there that the code could import"
    home = free[0]
    intents: list[Intent] = [AddFile(home, TEXT)]
    for call in setups:
        module = import_name(project, app, home, call.place.path)
        if not module:
            return f"{call.place.path} sets logging up and cannot import a new module"
        display = _display(call)
        if display is not None:
            intents += [EnsureImport(call.place.path, module, "HideSecrets"), *_entries(call, display)]
        else:
            intents += [EnsureImport(call.place.path, module, CALL), EnsureAfter(call.place, f"{CALL}()")]
    if not any(_runs(project, call) for call in setups):
        module = import_name(project, app, home)
        if not module:
            return "no name for a new module is free there that the application's file could import"
        intents.append(SetUpApp(app.place, module, CALL))
    return tuple(intents)


def _setups(project: Project, app: App) -> list[Call]:
    """The calls after which the log's handlers are there: of each block the last."""
    behaviour, imported = project.facts.behaviour, project.facts.program.everything.imported
    last: dict[object, Call] = {}
    displays: list[Call] = []
    for call in behaviour.calls_to(*SETTING_UP):
        path = call.place.path
        if call.role != "application" or path not in imported and path != app.place.path:
            continue
        if _display(call) is not None:
            displays.append(call)
        else:
            last[path, call.function, call.conditions] = call
    return sorted((*displays, *last.values()), key=lambda c: (c.place.path, c.place.line))


def _runs(project: Project, call: Call) -> bool:
    """Whether a set-up certainly runs when the application is served: at import, or in a function that code calls."""
    if call.conditions:
        return False
    function = call.site.function
    return function is None or bool(project.facts.behaviour.callers.get(id(function.original.node)))


def _display(call: Call) -> Node | None:
    """The dict display that ``dictConfig`` certainly gets, with its handlers written out in it; else None."""
    if call.path != "logging.config.dictConfig" or len(call.site.node[4]) != 1:
        return None
    node, module = call.site.node[4][0], call.site.module
    if node[0] == "name":
        local = scope_of(call).bindings.bound(node[3], node) if call.site.function is not None else []
        values = local or bindings_of(module, module.body).bound(node[3])
        if len(values) != 1 or f"{node[3]}[" in module.text or f"{node[3]}." in module.text:
            return None
        node = values[0]
    handlers = _held(node, "handlers")
    if handlers is None or handlers[0] != "dict" or not handlers[3]:
        return None
    for key, value in handlers[3]:
        given = _held(value, "filters") if key is not None and value[0] == "dict" else None
        if key is None or key[0] != "const" or value[0] != "dict" or any(k is None for k, _ in value[3]):
            return None
        if given is not None and given[0] != "list":
            return None
    named = _held(node, "filters")
    return node if all(k is not None for k, _ in node[3]) and (named is None or named[0] == "dict") else None


def _held(node: Node, key: str) -> Node | None:
    """What a dict display holds under a text."""
    pairs = node[3] if node[0] == "dict" else ()
    return next((v for k, v in pairs if k is not None and k[0] == "const" and k[3] == key), None)


def _entries(call: Call, display: Node) -> Iterator[Intent]:
    place = call.site.module.place(display)
    made = '{"()": HideSecrets}'
    if _held(display, "filters") is None:
        yield EnsureEntry(place, (), "filters", f'{{"{KEY}": {made}}}')
    else:
        yield EnsureEntry(place, ("filters",), KEY, made)
    handlers = _held(display, "handlers")
    for key, _ in handlers[3] if handlers is not None else ():
        yield EnsureEntry(place, ("handlers", key[3]), "filters", f'["{KEY}"]')
