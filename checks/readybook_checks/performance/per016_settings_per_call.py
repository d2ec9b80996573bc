"""PER016: settings read from the environment again for every request."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour, Call
from readybook.facts.nodes import statements
from readybook.facts.objects import FunctionValue
from readybook.facts.reach import first_reached, startup_functions
from readybook.facts.stores import is_cached
from readybook.finding import Answer
from readybook.intents import Decorate, EnsureImport


class SettingsPerCall(Check):
    """A settings object is built while a request is served: the environment and the dotenv file are read every time.

    Looked at: calls of the project's settings classes in handlers, in dependencies and in what they call. Built at
    module level, at start-up or in a function that is cached, settings are read once. Reading a dotenv file takes
    milliseconds in the event loop, and a value that changes between two requests makes one service behave as two.

    Fix: the function that builds the settings, when that is all it does, is cached with ``functools.lru_cache``.
    """

    id = "PER016"
    name = "settings-per-call"
    category = "performance"
    severity = "low"
    hours = Hours(0.1, 0.25, 0.5, each=0.1)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/advanced/settings/#creating-the-settings-only-once-with-lru_cache",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each call that builds a settings object."""
        behaviour = project.facts.behaviour
        names = {c.path for c in project.facts.settings_classes}
        calls = [c for path in sorted(names) for c in behaviour.by_path.get(path, ())]
        if not calls:
            yield NotApplicable("no settings class is built")
            return
        reached = first_reached(behaviour, calls)
        once = {id(f.node) for f in startup_functions(behaviour)}
        for call in calls:
            function = call.site.function
            if function is None or id(call) not in reached or id(function.original.node) in once:
                yield Right(call.place, "built once")
            elif is_cached(function) or any(s[0] == "global" for s in statements(function.original.node[6])):
                yield Right(call.place, "the function that builds it keeps it")
            else:
                yield _finding(behaviour, call, function)


def _finding(behaviour: Behaviour, call: Call, function: FunctionValue) -> Finding:
    name = call.path.rpartition(".")[2]
    return Finding(
        call.place, f"{function.name}() builds {name} again for every request: it reads the environment, and the "
        "dotenv file where there is one, each time.", fix=_fix(behaviour, call, function, name))


def _fix(behaviour: Behaviour, call: Call, function: FunctionValue, name: str) -> Fix:
    title = f"Build {name} once"
    body = [s for s in function.original.node[6] if not (s[0] == "expr" and s[4][0] == "const")]
    single = len(body) == 1 and body[0][0] == "return" and body[0][4] is call.site.node
    served = {id(e.function.node) for e in behaviour.entries if e.kind == "handler"}
    if not single or function.params or function.is_async or function.owner or id(function.original.node) in served:
        return advice(f"{title}: take it from one cached function (@lru_cache def get_settings() -> {name})",
                      "the function does more than to build it")
    if function.original.node[7]:
        return advice(title, "the function has decorators already, whose order decides what is cached")
    place = function.module.place(function.original.node, function.qualname)
    return Fix(title, (EnsureImport(place.path, "functools", "lru_cache"), Decorate(place, function.name, "lru_cache")),
               safety="review", reason="tests that change the environment between requests call "
               f"{function.name}.cache_clear() first")


CONF = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    name: str = \"shop\"\n"
GET = "\n\ndef get_settings() -> Settings:\n    return Settings()\n"
CACHED = GET.replace("def get", "@lru_cache\ndef get")
USE = ("from typing import Annotated\n\nfrom fastapi import Depends, FastAPI\n\n"
       "from conf import Settings, get_settings\n\n"
       "app = FastAPI()\n\n\n@app.get(\"/\")\n"
       "async def home(settings: Annotated[Settings, Depends(get_settings)]) -> str:\n    return settings.name\n")
SettingsPerCall.examples = (
    Bad({"conf.py": CONF + GET, "main.py": USE}, at=("conf.py:9",),
        fixed={"conf.py": "from functools import lru_cache\n\n" + CONF + CACHED}),
    Bad({"conf.py": CONF, "main.py": "from fastapi import FastAPI\nimport conf\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/\")\ndef home() -> str:\n    return conf.Settings().name\n"}, at=("main.py:9",)),
    Bad(  # two calls down
        {"conf.py": CONF + GET, "mail.py": "from conf import get_settings\n\n\ndef sender() -> str:\n"
         "    return get_settings().name\n",
         "main.py": "from fastapi import FastAPI\nfrom mail import sender\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/\")\ndef home() -> str:\n    return sender()\n"}, at=("conf.py:9",)),
    Good({"conf.py": "from functools import lru_cache\n" + CONF + CACHED,
          "main.py": USE}),
    Good({"conf.py": CONF + "\n\nsettings = Settings()\n\n\ndef get_settings() -> Settings:\n    return settings\n",
          "main.py": USE}),
    Good({"conf.py": CONF + "\n\n_settings: Settings | None = None\n\n\ndef get_settings() -> Settings:\n"
          "    global _settings\n    if _settings is None:\n        _settings = Settings()\n    return _settings\n",
          "main.py": USE}),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
)
