"""Settings, lifespan and routers: the result is run, not only read."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from readybook import registry
from readybook.edits import apply, setting_access
from readybook.edits.modules import Modules
from readybook.errors import PatchError
from readybook.gitpatch import short_subject
from readybook.intents import (
    AddFile,
    EnsureRequirement,
    EnsureRouter,
    EnsureSetting,
    EventsToLifespan,
    ReplaceExpression,
    SetKeyword,
)
from readybook.place import Place
from readybook.project import Project
from readybook.run import ask

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # event handlers are what is rewritten
ORIGINS = EnsureSetting(
    "cors_origins", "list[str]", "[]", "CORS_ORIGINS", "https://app.example.com", "Origins that may call"
)
LIMIT = EnsureSetting("limit", "int", "10", "LIMIT", "10")
PINNED = "fastapi==0.115.0\nuvicorn==0.30.0\n"


def ran(tmp_path: Path, text: str) -> Any:
    """The text as an imported module."""
    path = tmp_path / f"made_{abs(hash(text))}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def uses(path: str, line: int, name: str = "cors_origins") -> SetKeyword:
    return SetKeyword(Place(path, line), "CORSMiddleware", "allow_origins", f"{{setting:{name}}}")


def test_a_new_file_reads_settings_whose_names_begin_alike() -> None:
    longer = EnsureSetting("limit_url", "str", '"x"', "LIMIT_URL")
    text = "a = {setting:limit}\nb = {setting:limit_url}\n"
    main = "from fastapi import FastAPI\n\napp = FastAPI()\n"
    project = Project.from_files({"main.py": main, "requirements.txt": PINNED})
    done = apply(project, [LIMIT, longer, AddFile("new.py", text)])
    assert done["new.py"].endswith("a = settings.limit\nb = settings.limit_url\n")


def test_a_settings_class_is_made_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.from_files(
        {
            "main.py": "from fastapi import FastAPI\n\napp = FastAPI()\nx = CORSMiddleware(app)\n",
            "requirements.txt": PINNED,
            ".env.example": "# about A\nA=1\n",
        }
    )
    done = apply(project, [uses("main.py", 4), ORIGINS])
    assert done["main.py"].endswith("x = CORSMiddleware(app, allow_origins=settings.cors_origins)\n")
    assert "from settings import settings\n" in done["main.py"]
    assert done["requirements.txt"] == PINNED + "pydantic-settings>=2.7,<3\n"
    assert done[".env.example"] == "# about A\nA=1\n# Origins that may call\nCORS_ORIGINS=https://app.example.com\n"
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, https://b.example")
    assert ran(tmp_path, done["settings.py"]).settings.cors_origins == ["https://a.example", "https://b.example"]
    monkeypatch.delenv("CORS_ORIGINS")
    assert ran(tmp_path, done["settings.py"] + "\n").settings.cors_origins == []


def test_a_second_list_joins_the_first_ones_validator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.from_files({"main.py": "app = FastAPI()\n", "requirements.txt": PINNED})
    hosts = EnsureSetting("hosts", "list[str]", "[]", "HOSTS")
    once = apply(project, [ORIGINS, hosts])["settings.py"]
    assert '@field_validator("cors_origins", "hosts", mode="before")' in once
    later = project.with_files(apply(project, [ORIGINS]))
    assert apply(later, [hosts])["settings.py"] == once
    monkeypatch.setenv("HOSTS", "a,b")
    assert ran(tmp_path, once).settings.hosts == ["a", "b"]
    assert apply(project.with_files({"settings.py": once}), [ORIGINS, hosts]) == {}


def test_pydantic_1_gets_a_text_and_a_property(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.from_files(
        {"main.py": "app = FastAPI()\nx = CORSMiddleware(app)\n", "requirements.txt": "fastapi==0.95.0\npydantic<2\n"}
    )
    done = apply(project, [ORIGINS, uses("main.py", 2)])
    assert "requirements.txt" not in done and "settings.cors_origins_list)" in done["main.py"]
    assert "from pydantic import BaseSettings" in done["settings.py"]
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example,https://b.example")
    made = ran(tmp_path, done["settings.py"].replace("from pydantic import", "from pydantic.v1 import"))
    assert made.settings.cors_origins_list == ["https://a.example", "https://b.example"]


CONFIG = '''\
import os

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """All of it."""

    model_config = SettingsConfigDict(env_prefix='APP_')

    DB_URL: str = 'sqlite://'  # the store
    DEBUG: bool = False

    def dsn(self) -> str:
        return self.DB_URL


def get_settings() -> Settings:
    return Settings()
'''


def test_the_projects_own_class_is_extended_in_its_style() -> None:
    project = Project.from_files(
        {
            "src/app/__init__.py": "",
            "src/app/config.py": CONFIG,
            "src/app/main.py": "from app.db import x\n\na = f(1)\n",
            "src/app/db.py": "",
            ".env.example": "export APP_DEBUG=0",
            "pyproject.toml": "[project]\ndependencies = ['fastapi']\n",
        }
    )
    done = apply(project, [LIMIT, ReplaceExpression(Place("src/app/main.py", 3), "1", "{setting:limit}")])
    assert done["src/app/config.py"] == CONFIG.replace(
        "    DEBUG: bool = False\n", "    DEBUG: bool = False\n    LIMIT: int = 10\n"
    )
    assert done[".env.example"] == "export APP_DEBUG=0\nexport APP_LIMIT=10"
    assert done["src/app/main.py"] == (
        "from app.config import get_settings\nfrom app.db import x\n\na = f(get_settings().LIMIT)\n"
    )
    assert set(done) == {"src/app/config.py", ".env.example", "src/app/main.py"}


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("    a: int = Field(1, alias='AA')\n", "    limit: int = Field(10, alias='LIMIT')\n"),
        ("    a: int = Field(1, validation_alias='AA')\n", "    limit: int = Field(10, validation_alias='LIMIT')\n"),
        ("    a: int = 1\n", "    limit: int = 10\n"),
    ],
)
def test_a_field_names_its_variable_only_where_that_is_the_style(line: str, field: str) -> None:
    head = "from pydantic import Field\nfrom pydantic_settings import BaseSettings\n\n"
    text = f"{head}class S(BaseSettings):\n{line}\n\nsettings = S()\n"
    done = apply(Project.from_files({"config.py": text}), [LIMIT])
    assert done["config.py"] == text.replace(line, line + field)


def test_a_variable_of_another_name_is_given_as_alias(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from pydantic_settings import BaseSettings\n\n\nclass S(BaseSettings):\n    pass\n\n\ns = S()\n"
    done = apply(Project.from_files({"config.py": text}), [EnsureSetting("limit", "int", "1", "MAX_LIMIT")])[
        "config.py"
    ]
    monkeypatch.setenv("MAX_LIMIT", "7")
    assert ran(tmp_path, done).s.limit == 7


def test_a_class_without_an_object_gets_one() -> None:
    text = "from pydantic_settings import BaseSettings\n\n\nclass S(BaseSettings):\n    a: int = 1\n"
    done = apply(
        Project.from_files({"config.py": text, "main.py": "x = f(1)\n"}),
        [LIMIT, ReplaceExpression(Place("main.py", 1), "1", "{setting:limit}")],
    )
    assert done["config.py"] == text + "    limit: int = 10\n\n\nsettings = S()\n"
    assert done["main.py"] == "from config import settings\n\nx = f(settings.limit)\n"


def test_a_class_inside_another_that_bears_its_name_is_not_the_settings_class() -> None:
    config = """\
from pydantic import BaseSettings


class BaseConfig(BaseSettings):
    class Config:
        case_sensitive = True


class Config(BaseConfig):
    DEBUG: int = 0


config = Config()
"""
    project = Project.from_files({"main.py": "app = FastAPI()\n", "config.py": config})
    found = apply(project, [LIMIT])
    assert "    DEBUG: int = 0\n    LIMIT: int = 10\n" in found["config.py"]


def test_where_case_counts_a_field_is_written_as_variables_are_and_without_fields_as_in_the_class_above() -> None:
    top = "from pydantic_settings import BaseSettings, SettingsConfigDict\n\n\n"
    exact = ("class Settings(BaseSettings):\n    model_config = SettingsConfigDict(case_sensitive=True)\n\n"
             "    DEBUG: bool = False\n    database: dict = {}\n    mail: dict = {}\n")
    above = "class Mail(BaseSettings):\n    HOST: str = \"\"\n\n\nclass Settings(Mail):\n    pass\n"
    for text in (exact, above):
        config = f"{top}{text}\n\nsettings = Settings()\n"
        found = apply(Project.from_files({"main.py": "app = FastAPI()\n", "config.py": config}), [LIMIT])
        assert "\n    LIMIT: int = 10\n" in found["config.py"]


def test_a_new_file_imports_by_dots_where_its_package_does_and_tests_know_it_by_another_name() -> None:
    config = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    limit: int = 10\n"
    files = {"src/__init__.py": "", "src/app/__init__.py": "", "src/app/core/__init__.py": "",
             "src/app/core/config.py": f"{config}\n\nsettings = Settings()\n",
             "src/app/core/setup.py": "from fastapi import FastAPI\n\nfrom .config import settings\n",
             "src/app/main.py": "from .core.setup import FastAPI\n\napp = FastAPI()\n",
             "tests/test_a.py": "from src.app.core import setup\n", "tests/test_b.py": "from src.app import main\n",
             "Dockerfile": "COPY src/app /code/app\nCMD [\"uvicorn\", \"app.main:app\"]\n"}
    new = AddFile("src/app/core/limits.py", "import asyncio\n\nLIMIT = {setting:limit}\n")
    text = apply(Project.from_files(files), [new])["src/app/core/limits.py"]
    assert "from .config import settings\n" in text and "src" not in text


def test_the_first_fields_of_a_class_stand_together() -> None:
    files = {"main.py": "app = FastAPI()\n", "requirements.txt": PINNED}
    found = apply(Project.from_files(files), [LIMIT, EnsureSetting("pool", "int", "5", "POOL", "5")])
    assert "    limit: int = 10\n    pool: int = 5\n" in next(t for p, t in found.items() if p.endswith("settings.py"))


def test_settings_that_are_handed_around_get_no_object_beside_those() -> None:
    conf = ("from pydantic import BaseModel\nfrom pydantic_settings import BaseSettings\n\n\n"
            "class A(BaseModel):\n    a: int = 1\n\n\nclass S(BaseSettings, A):\n    b: int = 1\n\n\n"
            "def load(kind: type[BaseSettings]) -> BaseSettings:\n    return kind()\n\n\n"
            "def load_a() -> A:\n    return load(S)\n")
    with pytest.raises(PatchError, match="handed from function to function"):
        apply(
            Project.from_files({"config.py": conf, "main.py": "x = f(1)\n"}),
            [LIMIT, ReplaceExpression(Place("main.py", 1), "1", "{setting:limit}")],
        )


@pytest.mark.parametrize(
    ("head", "expression", "imports"),
    [
        ("from app.config import settings\n", "settings.a", 0),
        ("from app.config import settings as s\n", "s.a", 0),
        ("from app import config\n", "config.settings.a", 0),
        ("from .config import settings\n", "settings.a", 0),
        ("import app.config as c\n", "c.settings.a", 0),
        ("from .other import x\n", "settings.a", 1),
        ("", "settings.a", 1),
    ],
)
def test_settings_are_reached_as_the_file_already_does(head: str, expression: str, imports: int) -> None:
    config = "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    a: int = 1\nsettings = S()\n"
    project = Project.from_files(
        {"app/__init__.py": "", "app/config.py": config, "app/other.py": "", "app/main.py": head}
    )
    text, wants = setting_access(project, "app/main.py", "a")
    assert (text, len(wants)) == (expression, imports)
    if head.startswith("from .other"):
        assert wants[0].module == ".config"


def test_settings_made_elsewhere_are_found_by_what_annotations_say() -> None:
    config = "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    a: int = 1\n"
    head = "from importlib import import_module\n"
    maker = f'{head}def load() -> "S":\n    return import_module("config").S()\nconf = load()\n'
    files = {"config.py": config, "maker.py": maker, "main.py": "from maker import conf\nx = f(1)\n"}
    done = apply(Project.from_files(files), [ReplaceExpression(Place("main.py", 2), "1", "{setting:a}")])
    assert done == {"main.py": "from maker import conf\nx = f(conf.a)\n"}


def test_a_function_that_only_uses_the_settings_is_no_way_to_them() -> None:
    config = "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    a: int = 1\n"
    use = "async def connect():\n    await go(S().a)\ndef port():\n    return S().a\n"
    files = {"config.py": config + use, "main.py": "x = f(1)\n"}
    done = apply(Project.from_files(files), [LIMIT, ReplaceExpression(Place("main.py", 1), "1", "{setting:limit}")])
    assert done["main.py"] == "from config import settings\n\nx = f(settings.limit)\n"


def test_settings_of_another_program_are_not_imported() -> None:
    config = "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    a: int = 1\nsettings = S()\n"
    files = {"src/shop/__init__.py": "", "src/shop/config.py": config, "src/shop/main.py": "import shop.config\n",
             "src/probe/run.py": "x = f(1)\n"}
    with pytest.raises(PatchError, match="src/probe/run.py: the code does not show"):
        setting_access(Project.from_files(files), "src/probe/run.py", "a")


@pytest.mark.parametrize(("how", "module"), [("app.main:app", "app.settings"), ("main:app", "settings")])
def test_how_the_service_is_started_tells_where_imports_begin(how: str, module: str) -> None:
    files = {"app/main.py": "app = FastAPI()\n", "requirements.txt": PINNED}
    use = [LIMIT, SetKeyword(Place("app/main.py", 1), "FastAPI", "limit", "{setting:limit}")]
    with pytest.raises(PatchError, match="app/main.py: the code does not show"):
        apply(Project.from_files(files), use)
    done = apply(Project.from_files({**files, "Procfile": f"web: uvicorn {how} --port 80\n"}), use)
    assert done["app/main.py"].startswith(f"from {module} import settings\n")


def test_an_example_value_can_be_read_back() -> None:
    wanted = [EnsureSetting("debug", "bool", "False", "DEBUG"), EnsureSetting("pause", "float | None", "None", "PAUSE"),
              EnsureSetting("key", "str", None, "KEY", secret=True)]
    files = {"main.py": "app = FastAPI()\n", "requirements.txt": PINNED, ".env.example": ""}
    assert apply(Project.from_files(files), wanted)[".env.example"] == "DEBUG=false\n# PAUSE=\nKEY=\n"


def test_settings_under_a_taken_name_get_another() -> None:
    config = "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    a: int = 1\nsettings = S()\n"
    files = {"config.py": config, "routes.py": "", "main.py": "from routes import settings\nx = f(1)\n"}
    done = apply(Project.from_files(files), [ReplaceExpression(Place("main.py", 2), "1", "{setting:a}")])
    assert done["main.py"] == (
        "from config import settings as app_settings\nfrom routes import settings\nx = f(app_settings.a)\n"
    )


def test_a_circular_import_of_the_settings_is_refused() -> None:
    head = "from app.main import x\nfrom pydantic_settings import BaseSettings\n"
    config = f"{head}class S(BaseSettings):\n    a: int = 1\nsettings = S()\n"
    project = Project.from_files({"app/__init__.py": "", "app/config.py": config, "app/main.py": "x = 1\n"})
    with pytest.raises(PatchError, match="app/main.py"):
        setting_access(project, "app/main.py", "a")


EVENTS = """\
import sys

from fastapi import FastAPI

log = []

# the service
app = FastAPI(title="t")


@app.on_event("startup")
async def begin():
    log.append("a up")


@app.on_event("startup")  # twice the name
def begin():
    log.append("b up")


@app.get("/")
def home():
    return log


@app.on_event("shutdown")
async def first_down():
    log.append("a down")


@app.on_event("shutdown")
def second_down():
    log.append("b down")
"""


def lifespan_of(text: str, startup: list[str], shutdown: list[str], app: str = "FastAPI(") -> EventsToLifespan:
    """The intent with places found by the text of their lines (a handler's line is where its ``def`` stands)."""
    lines = text.split("\n")

    def places(words: list[str]) -> tuple[Place, ...]:
        return tuple(Place("main.py", n) for w in words for n, line in enumerate(lines, 1) if w in line)

    return EventsToLifespan(places([app])[0], places(startup), places(shutdown))


def run_log(tmp_path: Path, text: str) -> list[str]:
    """What a service's handlers log from its start to its end, a request in the middle."""
    module = ran(tmp_path, text)
    module.log.clear()
    with TestClient(module.app) as client:
        client.get("/")
        module.log.append("served")
    return list(module.log)


def test_events_become_one_lifespan_that_runs_alike(tmp_path: Path) -> None:
    intent = lifespan_of(EVENTS, ["def begin"], ["_down():"])
    new = apply(Project.from_files({"main.py": EVENTS}), [intent])["main.py"]
    assert run_log(tmp_path, new) == run_log(tmp_path, EVENTS) == ["a up", "b up", "served", "a down", "b down"]
    assert "on_event" not in new and new.count("lifespan=lifespan") == 1
    assert "# the service\napp = FastAPI(" in new
    assert "async def begin_1():" in new and "    await begin_1()\n    begin()\n" in new


def test_a_failing_start_runs_no_shutdown_as_before(tmp_path: Path) -> None:
    text = EVENTS.replace('log.append("b up")', 'raise RuntimeError("no")')
    new = apply(Project.from_files({"main.py": text}), [lifespan_of(text, ["def begin"], ["_down():"])])["main.py"]
    for one in (text, new):
        module = ran(tmp_path, one)
        with pytest.raises(RuntimeError), TestClient(module.app):
            pass
        assert module.log == ["a up"]


def test_a_lifespan_that_exists_is_extended(tmp_path: Path) -> None:
    head = (
        "from contextlib import asynccontextmanager\n\n@asynccontextmanager\nasync def lifespan(app):\n"
        "    log.append('own up')\n    yield\n    log.append('own down')\n"
    )
    text = EVENTS.replace("# the service", head).replace('title="t"', "lifespan=lifespan")
    new = apply(Project.from_files({"main.py": text}), [lifespan_of(text, ["def begin"], ["_down():"])])["main.py"]
    assert run_log(tmp_path, new) == ["own up", "a up", "b up", "served", "a down", "b down", "own down"]


def test_events_given_to_the_constructor_and_in_a_factory(tmp_path: Path) -> None:
    text = (
        "from fastapi import FastAPI\nlog = []\ndef up():\n\tlog.append('up')\n"
        "async def down():\n\tlog.append('down')\n"
        "def build():\n\tapp = FastAPI(on_startup=[up], on_shutdown=[down])\n\t@app.get('/')\n\tdef home(): pass\n"
        "\treturn app\napp = build()\n"
    )
    new = apply(Project.from_files({"main.py": text}), [lifespan_of(text, ["def up"], ["def down"])])["main.py"]
    assert run_log(tmp_path, new) == run_log(tmp_path, text) == ["up", "served", "down"]
    assert "app = FastAPI(lifespan=lifespan)" in new and "\t\t\tawait down()" in new


def test_a_handler_nobody_told_of_stops_the_rewrite() -> None:
    intent = lifespan_of(EVENTS, ["def begin"], ["first_down():"])
    with pytest.raises(PatchError, match="main.py"):
        apply(Project.from_files({"main.py": EVENTS}), [intent])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("app = FastAPI()\n", "app = FastAPI()\napp.include_router(router)\n"),
        (
            "app = FastAPI()\napp.include_router(a)\nx = 1\n",
            "app = FastAPI()\napp.include_router(a)\napp.include_router(router)\nx = 1\n",
        ),
        (
            "def make():\n    app = FastAPI()\n    x(app)\n    return app\n",
            "def make():\n    app = FastAPI()\n    x(app)\n    app.include_router(router)\n    return app\n",
        ),
    ],
)
def test_a_router_is_included_once(before: str, after: str) -> None:
    head = "from fastapi import FastAPI\n"
    line = 1 + next(n for n, x in enumerate((head + before).split("\n")) if "FastAPI()" in x)
    intent = EnsureRouter(Place("main.py", line), "health", "router")
    project = Project.from_files({"main.py": head + before, "health.py": ""})
    new = apply(project, [intent])["main.py"]
    assert new == f"{head}\nfrom health import router\n{after}"
    again = EnsureRouter(Place("main.py", line + 2), "health", "router")
    assert apply(project.with_files({"main.py": new}), [again]) == {}


def test_a_router_whose_name_is_taken_gets_another() -> None:
    text = "from fastapi import FastAPI\n\nfrom users import router\n\napp = FastAPI()\napp.include_router(router)\n"
    project = Project.from_files({"main.py": text, "health.py": "", "users.py": ""})
    new = apply(project, [EnsureRouter(Place("main.py", 5), "health", "router")])["main.py"]
    assert "from health import router as health_router\nfrom users import router\n" in new
    assert new.endswith("app.include_router(router)\napp.include_router(health_router)\n")


def test_a_setting_of_the_applications_own_file_is_refused_where_the_object_is_not_made_yet() -> None:
    text = ("from fastapi import FastAPI\nfrom pydantic_settings import BaseSettings\n\napp = FastAPI()\n\n\n"
            "class Settings(BaseSettings):\n    name: str = \"a\"\n\n\n"
            "def begin() -> str:\n    return Settings().name\n")
    setting = EnsureSetting("docs_enabled", "bool", "False", "DOCS_ENABLED")
    shown = SetKeyword(Place("main.py", 4), "FastAPI", "openapi_url", "{setting:docs_enabled}")
    with pytest.raises(PatchError):
        apply(Project.from_files({"main.py": text}), [setting, shown])


def test_subjects_end_with_a_word_that_ends_them() -> None:
    assert short_subject("Answer unexpected errors with one envelope and then the request's id") == (
        "answer unexpected errors with one envelope and then")
    assert short_subject("Answer unexpected errors with one more envelope and with the request's id") == (
        "answer unexpected errors with one more envelope")


def test_a_function_that_is_handed_the_settings_reads_them_from_its_parameter() -> None:
    home = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    name: str = \"a\"\n\n\n"
            "settings = Settings()\n")
    main = ("from fastapi import FastAPI\n\nfrom conf import Settings\n\n\n"
            "def build(given: Settings) -> FastAPI:\n    return FastAPI(title=given.name)\n")
    intents = [EnsureSetting("docs_enabled", "bool", "False", "DOCS_ENABLED"),
               SetKeyword(Place("main.py", 7), "FastAPI", "debug", "{setting:docs_enabled}")]
    new = apply(Project.from_files({"conf.py": home, "main.py": main}), intents)["main.py"]
    assert "debug=given.docs_enabled" in new and "import settings" not in new


def test_a_new_field_comes_behind_the_text_that_documents_the_last_one() -> None:
    home = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    workers: int = 1\n"
            "    \"\"\"how many processes\"\"\"\n\n    def twice(self) -> int:\n        return 2\n\n\n"
            "settings = Settings()\n")
    new = apply(Project.from_files({"conf.py": home}), [EnsureSetting("debug", "bool", "False", "DEBUG")])["conf.py"]
    assert "    \"\"\"how many processes\"\"\"\n    debug: bool = False\n" in new


PACKAGED = {  # imports start in src, which is a package by name only; dots stay inside of each package
    "src/__init__.py": "", "src/run.py": "from fastapi import FastAPI\n\nfrom db import pool\n"
    "from orders.api import router\n\napp = FastAPI()\napp.include_router(router)\n",
    "src/orders/__init__.py": "", "src/orders/api.py": "from fastapi import APIRouter\n\nfrom . import core\n\nrouter "
    "= APIRouter()\n\n\n@router.post(\"/login\")\ndef login(password: str) -> int:\n    return core.find(password)\n",
    "src/orders/core.py": "def find(password: str) -> int:\n    return len(password)\n",
    "src/db/__init__.py": "", "src/db/pool.py": "from . import names\n", "src/db/names.py": "",
}


def test_no_dots_lead_out_of_a_package_that_imports_name_from_its_folder() -> None:
    modules = Modules(PACKAGED, PACKAGED.get)
    assert modules.name_for("src/db/pool.py", "src/settings.py") == "settings"
    assert modules.name_for("src/db/pool.py", "src/db/limits.py") == ".limits"


def test_dots_go_as_far_up_as_other_modules_let_them() -> None:
    files = {**PACKAGED, "src/db/pool.py": "from ..orders import core\n"}
    assert Modules(files, files.get).name_for("src/db/pool.py", "src/settings.py") == "..settings"


def test_a_checks_new_module_is_imported_by_name_where_dots_would_leave_the_package() -> None:
    project = Project.from_files({**PACKAGED, "requirements.txt": "fastapi\n"})
    check = next(c for c in registry.load() if c.id == "SEC006")
    (finding,) = ask(check, project).findings
    changed = apply(project, finding.fix.intents)
    assert "\nfrom rate_limit import limit_sign_ins\n" in changed["src/orders/api.py"]


def test_a_package_in_a_folder_of_its_name_is_not_that_folder() -> None:
    files = {"shop/src/shop/main.py": "from shop.routes import router\n", "shop/src/shop/routes.py": "router = None\n",
             "shop/src/shop/limits.py": "", "shop/pyproject.toml": ""}
    assert Modules(files, files.get).name_for("shop/src/shop/limits.py", "shop/src/shop/settings.py") == "shop.settings"


def test_a_package_goes_where_the_service_that_needs_it_declares_its_own() -> None:
    both = {"a/requirements.txt": "fastapi\n", "a/main.py": "", "b/requirements.txt": "fastapi\n", "b/main.py": ""}
    fix = [AddFile("b/limits.py", "import limits\n"), EnsureRequirement("limits", ">=4")]
    made = apply(Project.from_files(both), fix)
    assert set(made) == {"b/limits.py", "b/requirements.txt"}
