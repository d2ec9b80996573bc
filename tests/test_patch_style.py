"""Patches as a maintainer reads them: by the names that are there, in the place where the project keeps such things."""

from __future__ import annotations

from readybook import Project, registry
from readybook.edits import apply, apply_each
from readybook.edits.settings_home import find_settings
from readybook.edits.work import Work
from readybook.finding import Finding
from readybook.intents import EnsureIgnored, EnsureRequirement, Intent
from readybook.run import ask

CHECKS = {check.id: check for check in registry.load()}
FACTORY = {
    "shop/__init__.py": "",
    "shop/config.py": "from functools import lru_cache\n\nfrom pydantic_settings import BaseSettings\n\n\n"
    "class Settings(BaseSettings):\n    title: str = \"Shop\"\n\n\n@lru_cache\ndef get_settings() -> Settings:\n"
    "    return Settings()\n",
    "shop/main.py": "from fastapi import FastAPI\n\nfrom shop.config import get_settings\n\n"
    "conf = get_settings()\napp = FastAPI(title=conf.title)\n\n\n@app.get(\"/items\")\n"
    "async def items() -> list[str]:\n    return []\n",
}


def findings(files: dict[str, str], check: str) -> tuple[Project, tuple[Finding, ...]]:
    project = Project.from_files(files)
    return project, tuple(ask(CHECKS[check], project).findings)


def fixed(files: dict[str, str], check: str) -> dict[str, str]:
    """The files after the first fix of a check that has one."""
    project, found = findings(files, check)
    fix = next(f.fix for f in found if f.fix is not None and f.fix.intents)
    made = project.with_files(apply(project, fix.intents))
    return {path: made.text(path) for path in made.files}


def test_settings_that_a_module_has_already_are_not_asked_for_again() -> None:
    main = fixed(FACTORY, "SEC011")["shop/main.py"]
    assert "if conf.docs_enabled else None" in main
    assert main.count("get_settings()") == 1


def test_a_field_of_a_type_that_no_text_makes_is_left_to_a_person() -> None:
    files = {"config.py": "from pydantic import Field\nfrom pydantic_settings import BaseSettings\n"
             "from sqlalchemy.engine import URL\n\n\nclass Settings(BaseSettings):\n    database_url: URL = Field(\n"
             "        default=URL.create(drivername=\"postgresql\", username=\"shop\", password=\"password\"),\n"
             "        alias=\"DATABASE_URL\",\n    )\n\n\nsettings = Settings()\n",
             "main.py": "from fastapi import FastAPI\nfrom sqlalchemy import create_engine\n\n"
             "from config import settings\n\nengine = create_engine(settings.database_url)\napp = FastAPI()\n"}
    found = [f for check in ("SEC004", "SEC005") for f in findings(files, check)[1]]
    assert found and not any(f.fix is None or f.fix.intents for f in found)


def test_numbers_stay_bare_where_the_example_quotes_texts_only() -> None:
    files = {**FACTORY, ".env.example": "TITLE=\"Shop\"\nSITE=\"shop\"\nREGION=\"eu\"\nPORT=5432\n",
             "shop/main.py": FACTORY["shop/main.py"] + "\n\n@app.post(\"/items\")\nasync def add(item: dict) -> dict:\n"
             "    return item\n"}
    assert fixed(files, "SEC010")[".env.example"].endswith("PORT=5432\nMAX_BODY_SIZE=10485760\n")


def test_a_function_that_asks_a_context_for_the_settings_does_not_serve_at_import() -> None:
    files = {"shop/__init__.py": "",
             "shop/config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
             "    title: str = \"Shop\"\n",
             "shop/context.py": "from contextvars import ContextVar\n\nfrom shop.config import Settings\n\n"
             "current: ContextVar[Settings] = ContextVar(\"current\")\n\n\ndef get_settings() -> Settings:\n"
             "    return current.get()\n"}
    home = find_settings(Work(Project.from_files(files)))
    assert home is not None and home.factory is None
    loads = files["shop/context.py"].replace("return current.get()", "return load()")
    known = find_settings(Work(Project.from_files({**files, "shop/context.py": loads})))
    assert known is not None and known.factory == ("shop/context.py", "get_settings")


def edited(files: dict[str, str], *intents: Intent) -> dict[str, str]:
    return dict(apply(Project.from_files(files), intents))


def test_what_production_needs_stands_above_what_tests_need() -> None:
    listed = "# Server\nuvicorn\nfastapi\n\n# Development and testing\npytest\nhttpx\n"
    assert edited({"requirements.txt": listed}, EnsureRequirement("limits", ">=4.2,<6"))["requirements.txt"] == \
        listed.replace("fastapi\n", "fastapi\nlimits>=4.2,<6\n")
    one = "# Development and testing\npytest\nfastapi\n"
    assert edited({"requirements.txt": one}, EnsureRequirement("limits", ">=4")) == \
        {"requirements.txt": one + "limits>=4\n"}


def test_lines_of_one_kind_stand_together_in_an_ignore_file() -> None:
    made = edited({".gitignore": "venv\n"}, EnsureIgnored(".gitignore", ("/a.env",), "secrets"),
                  EnsureIgnored(".gitignore", ("/b.env",), "secrets"))[".gitignore"]
    assert made == "venv\n\n# secrets\n/a.env\n/b.env\n"


def test_a_choice_that_grows_too_long_goes_into_parentheses() -> None:
    main = ("from fastapi import FastAPI\n\nfrom shop.config import settings\n\napp = FastAPI(\n"
            "    title=settings.title,\n    openapi_url=f\"{settings.api_prefix_of_this_version}/openapi.json\",\n)\n"
            "\n\n"
            "@app.get(\"/items\")\nasync def items() -> list[str]:\n    return []\n")
    config = FACTORY["shop/config.py"].partition("\n\n\n@lru")[0].replace(
        "    title", "    api_prefix_of_this_version: str = \"/v1\"\n    title").replace(
        "from functools import lru_cache\n\n", "") + "\n\n\nsettings = Settings()\n"
    made = fixed({**FACTORY, "shop/main.py": main, "shop/config.py": config}, "SEC011")["shop/main.py"]
    assert ("    openapi_url=(\n        f\"{settings.api_prefix_of_this_version}/openapi.json\""
            " if settings.docs_enabled else None\n    ),\n") in made


def test_each_of_two_services_gets_the_setting_in_its_own_class() -> None:
    files: dict[str, str] = {}
    for name in ("orders", "users"):
        files |= {f"{name}/src/__init__.py": "", f"{name}/src/config.py":
                  "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
                  f"    {name}: str = \"\"\n\n\nsettings = Settings()\n",
                  f"{name}/main.py": "from fastapi import FastAPI\n\nfrom src.config import settings\n\n"
                  f"app = FastAPI(title=settings.{name})\n\n\n@app.post(\"/{name}\")\n"
                  "async def add(item: dict) -> dict:\n"
                  "    return item\n"}
    project, found = findings(files, "SEC010")
    assert len(found) == 2
    for finding in found:
        made = apply(project, finding.fix.intents)
        folder = finding.place.path.partition("/")[0]
        assert {p.partition("/")[0] for p in made} == {folder}
        assert "max_body_size" in made[f"{folder}/src/config.py"]
        assert "from src.config import settings\n" in made[f"{folder}/body_limit.py"]


def test_a_guide_that_serves_another_main_does_not_say_where_imports_start() -> None:
    files = {"src/shop/__init__.py": "from shop.main import app\n", "requirements.txt": "fastapi\n",
             "README.md": "Run `uvicorn main:app` in a container.\n",
             "src/shop/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/items\")\n"
             "async def items() -> list[str]:\n    return []\n",
             "tests/test_items.py": "from shop.main import app\n\n\ndef test_items():\n    assert app\n"}
    assert "from shop.settings import settings\n" in fixed(files, "SEC011")["src/shop/main.py"]


def test_each_of_two_services_gets_settings_of_its_own() -> None:
    files: dict[str, str] = {"compose.yml": "services:\n"}
    for name in ("orders", "stock"):
        files |= {f"{name}/src/__init__.py": "", f"{name}/src/names.py": f"TITLE = \"{name}\"\n",
                  f"{name}/requirements.txt": "fastapi\n", f"{name}/Dockerfile": "FROM python:3.12\nWORKDIR /app\n",
                  f"{name}/src/main.py": "from fastapi import FastAPI\n\nfrom src.names import TITLE\n\n"
                  f"app = FastAPI(title=TITLE)\n\n\n@app.get(\"/{name}\")\nasync def items() -> list[str]:\n"
                  "    return []\n"}
        files["compose.yml"] += (f"  {name}:\n    build:\n      context: .\n      dockerfile: {name}/Dockerfile\n"
                                 "    command: uvicorn src.main:app\n")
    project, found = findings(files, "SEC011")
    made = apply_each(project, [finding.fix.intents for finding in found])
    assert len(found) == 2 and not made.failed
    assert {p for p in made.texts if p.endswith(".py")} == {
        f"{name}/src/{file}.py" for name in ("orders", "stock") for file in ("main", "settings")}
