"""SEC003: CORS origins of a developer's machine that production allows too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.deployedvariables import set_by_deployment
from readybook.facts.program import App, Middleware
from readybook.facts.refusals import refused
from readybook.facts.settings import SettingField, SettingsClass, Variable
from readybook.facts.values import Choice, FromEnv, text_of
from readybook.finding import Answer
from readybook.intents import EnsureImport, EnsureMethod
from readybook.patterns import regex
from readybook_checks.security.sec001_cors_any_origin import CORS, wildcard
from readybook_checks.security.sec011_docs_exposed import DEVELOPMENT, ENVIRONMENTS, PRODUCTION

LOCAL = regex(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(?:\d{1,5}|\*))?/?", re.IGNORECASE)
TITLE = "Refuse to start in production with origins of a developer's machine"


class CorsLocalhostInProduction(Check):
    """Production lets pages on the visitor's own machine call the API.

    Looked at: the origins of every CORSMiddleware of a served application, through names, settings and defaults of the
    environment: local addresses in a list that every environment gets, or in a default that no file of a deployment
    replaces. Any program on a visitor's machine can serve a page there, which then calls the API in his name. A list
    that depends on the environment is right, and so is a validator that refuses local origins.

    Fix: a validator in the settings that refuses the start in production while the list holds one.
    """

    id = "SEC003"
    name = "cors-localhost-in-production"
    category = "security"
    severity = "low"
    hours = Hours(0.5, 1, 2)
    fix_kinds = ("codemod", "advice")
    suppressed_by = ("SEC001",)
    references = ("https://fastapi.tiangolo.com/tutorial/cors/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each CORSMiddleware that lists origins."""
        found = False
        for app in project.facts.apps:
            for middleware in app.middleware if app.served else ():
                listed = middleware.path == CORS and "**" not in middleware.kwargs
                if listed and middleware.by_default is not False and wildcard(
                        middleware.kwargs.get("allow_origins", ())) is not True:
                    found = True
                    yield _answer(project, app, middleware)
        if not found:
            yield NotApplicable("no CORSMiddleware that lists origins")


def local_origins(value: object, source: FromEnv | None = None, depth: int = 0) -> Iterator[tuple[str, FromEnv | None]]:
    """(local origin, the variable whose default it is) of what every environment gets."""
    if depth > 20:
        return
    if isinstance(value, FromEnv):
        yield from local_origins(value.default, value, depth + 1)
    elif isinstance(value, str):
        yield from ((part.strip(), source) for part in value.split(",") if LOCAL.fullmatch(part.strip()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from local_origins(one, source, depth + 1)
    elif isinstance(value, Choice):
        each = [dict(local_origins(option, source, depth + 1)) for _, option in value.options]
        shared = set.intersection(*({*e} for e in each)) if each else set()
        yield from ((origin, each[0][origin]) for origin in sorted(shared))


def _answer(project: Project, app: App, middleware: Middleware) -> Answer:
    found = list(local_origins(middleware.kwargs.get("allow_origins", ())))
    if not found:
        return Right(middleware.place, "no local origin for every environment", app.spec)
    origin, source = found[0]
    variable = _variable(project, origin, source)
    if variable is None:
        return Finding(
            middleware.place, f"allow_origins holds {origin} whatever the environment: production lets pages on its "
            "visitors' machines call the API.", app=app.spec, confidence="medium", fix=advice(
                "Take the origins from a setting, local ones in the .env of a developer only",
                "which origins production needs is not in the code"))
    guard = refused(project.facts.modules.by_path.values(), [variable.name, _field_name(project, variable)], origin)
    if guard is not None:
        return Right(guard, f"a start with {origin} is refused", app.spec)
    fed = set_by_deployment(project.facts, variable.name)
    if fed is not None:
        return Right(fed, f"the deployment sets {variable.name}", app.spec)
    return Finding(
        variable.place, f"{variable.name} defaults to {origin}, and nothing here sets it for production or refuses "
        "that there: pages on the visitors' machines could call the API.", app=app.spec, confidence="medium",
        chain=(middleware.place,), fix=_fix(project, variable))


def _variable(project: Project, origin: str, source: FromEnv | None) -> Variable | None:
    """The variable whose default an origin is, also where it passed through code that lost its name."""
    for variable in project.facts.variables:
        same = source is not None and source.name == variable.name
        if same or (source is None and any(origin in o for o, _ in local_origins(variable.default))):
            return variable
    return None


def _field(project: Project, variable: Variable) -> tuple[SettingsClass, SettingField] | None:
    for cls in project.facts.settings_classes:
        for field in cls.fields if cls.path == variable.through else ():
            if field.place == variable.place:
                return cls, field
    return None


def _field_name(project: Project, variable: Variable) -> str:
    found = _field(project, variable)
    return found[1].name if found else variable.name


def _fix(project: Project, variable: Variable) -> Fix:
    found = _field(project, variable)
    if found is None:
        return advice(f"Give {variable.name} no local default, or refuse it in production",
                      "it is no field of the settings")
    cls, field = found
    class_name = cls.path.rpartition(".")[2]
    test = next((t for f in cls.fields if f.name.lower() in ENVIRONMENTS and (t := _production(f))), "")
    modern = any(c.path == cls.path and c.is_a("pydantic_settings.BaseSettings")
                 for c in project.facts.behaviour.run.classes)
    if not test or not modern or not re.fullmatch(r"[A-Za-z_]\w*", field.name) or not variable.name.isidentifier():
        return advice(f"Refuse {variable.name} with local origins in production, in a validator of {class_name}",
                      "no field of the settings tells production from development by default")
    is_list = re.match(r"(?i)(?:annotated\[)?(?:typing\.)?(?:list|set|tuple|sequence)\b", field.annotation)
    values = f"self.{field.name}" if is_list else f'str(self.{field.name}).split(",")'
    code = (
        '@model_validator(mode="after")\n'
        f'def no_local_origins_in_production(self) -> "{class_name}":\n'
        '    """Refuse origins that are right on a developer\'s machine only."""\n'
        f"    origins = [str(origin) for origin in {values}]\n"
        f'    if {test} and any("localhost" in o or "127.0.0.1" in o for o in origins):\n'
        f'        raise ValueError("{variable.name} must not hold local origins in production")\n'
        "    return self")
    intents = (EnsureMethod(cls.place, class_name, "no_local_origins_in_production", code),
               EnsureImport(cls.place.path, "pydantic", "model_validator"))
    return Fix(TITLE, intents, safety="review", reason=f"a production that has no {variable.name} yet does not start")


def _production(field: SettingField) -> str:
    """A condition that is true in production and false by default; empty when the field's values do not show one."""
    if not re.fullmatch(r"[A-Za-z_]\w*", field.name):
        return ""
    default = text_of(field.default)
    values = re.findall(r"[\"']([\w-]+)[\"']", field.annotation) if "Literal" in field.annotation else []
    production = next((v for v in values if v.lower() in PRODUCTION), None)
    if production and default != production:
        return f'self.{field.name} == "{production}"'
    if field.annotation in ("str", "") and default and default.lower() in DEVELOPMENT:
        return f'self.{field.name} in ("production", "prod")'
    return ""


MAIN = ("from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n\n"
        "from config import settings\n\napp = FastAPI()\n"
        "app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins)\n")
TOP = "from typing import Literal\n\nfrom pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
FIELDS = ("    environment: Literal[\"local\", \"production\"] = \"local\"\n"
          "    cors_origins: list[str] = [\"http://localhost:3000\"]\n")
END = "\n\nsettings = Settings()\n"
GUARD = ("\n    @model_validator(mode=\"after\")\n    def no_local_origins_in_production(self) -> \"Settings\":\n"
         "        \"\"\"Refuse origins that are right on a developer's machine only.\"\"\"\n"
         "        origins = [str(origin) for origin in self.cors_origins]\n"
         "        if self.environment == \"production\" and any(\"localhost\" in o or \"127.0.0.1\" in o for o in "
         "origins):\n            raise ValueError(\"CORS_ORIGINS must not hold local origins in production\")\n"
         "        return self\n")
COMPOSE = "services:\n  api:\n    build: .\n    environment:\n      CORS_ORIGINS: ${CORS_ORIGINS}\n"
DIRECT = MAIN.replace("from config import settings\n\n", "").replace("settings.cors_origins", "ORIGINS")
CorsLocalhostInProduction.examples = (
    Bad({"config.py": TOP + FIELDS + END, "main.py": MAIN}, at=("config.py:8",), severity="low",
        fixed={"config.py": TOP.replace("from pydantic_s", "from pydantic import model_validator\nfrom pydantic_s")
               + FIELDS + GUARD + END}),
    Bad(  # a list for every environment
        {"main.py": DIRECT.replace("app = ", "ORIGINS = [\"https://a.example\", \"http://localhost:3000\"]\n\napp = ")},
        at=("main.py:7",)),
    Bad(  # a fallback; the compose file is that of development
        {"main.py": "import os\n" + DIRECT.replace(
            "app = ", "ORIGINS = os.getenv(\"CORS_ORIGINS\", \"http://127.0.0.1:8080\").split(\",\")\n\napp = "),
         "docker-compose.dev.yml": COMPOSE}, at=("main.py:5",)),
    Good({"config.py": TOP + FIELDS + END, "main.py": MAIN, "compose.yml": COMPOSE}),
    Good({"config.py": TOP + FIELDS + GUARD + END, "main.py": MAIN}),
    Good(  # by environment
        {"config.py": TOP + FIELDS + END, "main.py": MAIN.replace(
            "settings.cors_origins", "[\"http://localhost:1\"] if settings.environment == \"local\" else [\"https://a\"]")}),
    Good({"main.py": DIRECT.replace("ORIGINS)", "[\"*\"])")}, outcome="not_applicable"),
    Good({"main.py": DIRECT.replace("ORIGINS)", "[\"https://localhost.example.com\"])")}),
)
