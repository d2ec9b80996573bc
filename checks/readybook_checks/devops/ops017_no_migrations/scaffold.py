"""The Alembic environment that OPS017 writes, and the guard around ``create_all``."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Template

from readybook import Fix, Project, advice
from readybook.facts.behaviour import Call
from readybook.facts.closure import pulled_in
from readybook.facts.engines import Engine, is_from_env
from readybook.facts.objects import ClassValue, Instance
from readybook.facts.orm import SQLMODEL, OrmModel
from readybook.facts.program import App
from readybook.facts.settings import SettingField
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.stores import access
from readybook.facts.values import External, text_of
from readybook.intents import AddFile, EnsureRequirement, EnsureSetting, GuardStatement, Intent
from readybook_checks.architecture.app_module import served_name, served_root

TITLE = "Add an Alembic environment over the engine and models"
SWITCH = EnsureSetting("create_tables_at_start", "bool", "True", "CREATE_TABLES_AT_START", example="false",
                       meaning="make missing tables at start-up; false where migrations run before the service starts")
ENVIRONMENTS = frozenset({"environment", "env", "app_env", "api_env", "app_environment", "stage", "env_name"})
BASES = ("sqlalchemy.orm.DeclarativeBase", "sqlalchemy.orm.DeclarativeBaseNoMeta")
DEVELOPMENT = ("development", "dev", "local", "develop")
FIRST = 'alembic revision --autogenerate -m "First tables"'
VERSIONS = """\
Revisions, one file each. The first one is written against an empty database:

    {first}
    alembic upgrade head

A database that has the tables already is told so once, instead of upgraded: alembic stamp head
"""
SYNC_ONLINE = '''
def migrate_online() -> None:
    """Connect once, migrate, disconnect."""
    source = create_engine(database_url(), poolclass=NullPool)
    with source.connect() as connection:
        migrate(connection)
'''
ASYNC_ONLINE = '''
async def migrate_online() -> None:
    """Connect once, migrate, disconnect."""
    source = create_async_engine(database_url(), poolclass=NullPool)
    async with source.connect() as connection:
        await connection.run_sync(migrate)
    await source.dispose()
'''


def scaffold(project: Project, models: list[OrmModel], engines: list[Engine], made: list[Call],
             dropped: list[Call]) -> Fix:
    """The environment for the first served application's database; advice where its address is out of reach."""
    app = next((a for a in project.facts.apps if a.served), None)
    engine = next((e for e in engines if e.backend != "sqlite"), engines[0] if engines else None)
    if app is None or engine is None:
        return advice(TITLE, "where the code connects to the database is not seen")
    root = served_root(app)
    at = f"{root}/" if root else ""
    known = {*project.files, *project.present}
    if f"{at}alembic.ini" in known:
        return advice(TITLE, f"{at}alembic.ini exists and names no environment")
    folder = next((f for f in ("migrations", "db_migrations", "revisions")
                   if not any(p.startswith(f"{at}{f}/") or p == f"{at}{f}.py" for p in known)), "")
    address = _address(project, app, engine)
    metadata = _metadata(project, app, models)
    if not folder or isinstance(address, str) or metadata is None:
        return advice(TITLE, address if isinstance(address, str) else "a model's module has no name to import it by")
    text = _environment(engine, address, metadata, _switched(project, models, made, address[2]))
    revisions = _text("script.py.mako.tmpl")
    if any(m.orm == "sqlmodel" for m in models):  # its columns have types of its own
        revisions = revisions.replace("import sqlalchemy as sa\n", "import sqlalchemy as sa\nimport sqlmodel\n")
    intents: list[Intent] = [
        *(() if dropped else guards(project, made)),  # a guard around one of the two would leave no tables
        AddFile(f"{at}alembic.ini", Template(_text("alembic.ini.tmpl")).substitute(folder=folder)),
        AddFile(f"{at}{folder}/env.py", text),
        AddFile(f"{at}{folder}/script.py.mako", revisions),
        AddFile(f"{at}{folder}/versions/README", VERSIONS.format(first=FIRST)),
        EnsureRequirement("alembic", ">=1.13,<2"),
    ]
    apart = "; its connect_args are not taken over" if "connect_args" in engine.kwargs else ""
    where = f" in {root}" if root else ""
    title = TITLE + ("; create_all in development only" if made else "")
    return Fix(title, tuple(intents), kinds=("scaffold", "codemod") if made else ("scaffold",), safety="sketch",
               reason=f"`{FIRST}`{where} writes the first revision against an empty database, and deployments run "
                      f"`alembic upgrade head` before the service starts{apart}")


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _address(project: Project, app: App, engine: Engine) -> tuple[list[tuple[str, str]], str, str] | str:
    """(imports, expression, path imported) of the database's address; or why it cannot be had."""
    reached = access(project.facts.behaviour, engine.call)
    if reached is not None:
        module = served_name(project, app, reached.path)
        if module:
            return [(module, reached.name)], f"{reached.expression}.url", reached.path
    if not is_from_env(engine.url):
        return "no module-level name leads to the engine, and its address does not come from the environment as it is"
    name = engine.url.name
    field = next((f for c in project.facts.settings_classes for f in c.fields if name in (f.env, f.name)), None)
    if field is None:
        return [("os", "")], f'os.environ["{name}"]', ""
    if not settings_at_hand(project.facts):
        return "settings are handed from function to function: a person says how the migrations get them"
    return [], _read(field), ""


def _read(field: SettingField) -> str:
    """The text of an address that a setting holds, whatever its type."""
    read = f"{{setting:{field.name}}}"
    if "Secret" in field.annotation:
        return f"{read}.get_secret_value()"
    return read if field.annotation in ("str", "") else f"str({read})"


def _metadata(project: Project, app: App, models: list[OrmModel]) -> tuple[list[tuple[str, str]], str] | None:
    """(imports, expression) of what the models declare; None when a module has no name."""
    modules = {m.place.path: served_name(project, app, m.place.path) for m in models}
    if not all(modules.values()):
        return None
    bases: dict[tuple[str, str], str] = {}
    for model in models:
        if model.orm == "sqlmodel" and any(b in SQLMODEL for b in model.cls.external_bases()):
            bases["sqlmodel", "SQLModel"] = "SQLModel"
            continue
        base = _declared(project, model)
        if base is None:
            bases[modules[model.place.path], model.name] = model.name  # a model knows the metadata of its base
            continue
        module = served_name(project, app, base[0])
        if not module:
            return None
        bases[module, base[1]] = base[1]
    if len(set(bases.values())) < len(bases):
        return None
    held = {module for module, _ in bases}
    imports = [*sorted(bases), *((module, "") for module in sorted(set(modules.values()) - held))]
    names = [f"{name}.metadata" for name in dict.fromkeys(bases.values())]
    return imports, names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _declared(project: Project, model: OrmModel) -> tuple[str, str] | None:
    """(path, name) of the base class of a model: the class of the project that derives from no other of it."""
    own = [c for c in model.cls.mro() if isinstance(c, ClassValue)]
    for cls in reversed(own):
        for base in cls.bases:
            if isinstance(base, External) and base.path in BASES and cls is not model.cls:
                return cls.module.path, cls.name
            if isinstance(base, Instance) and base.module is not None:  # Base = declarative_base()
                loaded = project.facts.program.everything.loaded.get(base.module.path)
                names = loaded.scope.names.items() if loaded is not None else ()
                name = next((n for n, v in names if v is base), "")
                if name:
                    return base.module.path, name
                return (cls.module.path, cls.name) if cls is not model.cls else None
    return (own[-1].module.path, own[-1].name) if len(own) > 1 else None


def _switched(project: Project, models: list[OrmModel], made: list[Call], path: str) -> bool:
    """Whether importing what the environment imports would make the tables, so that it must be told not to."""
    near = {p for start in {path, *(m.place.path for m in models)} - {""}
            for p in pulled_in(project.facts.modules, start)}
    return any(c.site.function is None and c.place.path in near for c in made)


def _environment(engine: Engine, address: tuple[list[tuple[str, str]], str, str],
                 metadata: tuple[list[tuple[str, str]], str], switched: bool) -> str:
    by_url = address[1].endswith(".url")
    third = [("alembic", "context"), ("sqlalchemy.engine", "Connection"), ("sqlalchemy.pool", "NullPool"),
             ("sqlalchemy.ext.asyncio", "create_async_engine") if engine.is_async else ("sqlalchemy", "create_engine"),
             *([("sqlalchemy.engine", "URL")] if by_url else [])]
    own = [*address[0], *metadata[0]]
    third += [pair for pair in own if pair[0] == "sqlmodel"]
    own = [pair for pair in own if pair[0] not in ("sqlmodel", "os")]
    standard = [("asyncio", "")] * engine.is_async + [("os", "")] * (switched or ("os", "") in address[0])
    blocks = [_imports(standard), _imports(third)]
    if switched:
        blocks.append('os.environ["CREATE_TABLES_AT_START"] = "false"  # importing the application must make no tables')
    blocks.append(_imports(own, "  # noqa: E402" if switched else ""))
    return Template(_text("env.py.tmpl")).substitute(
        imports="\n\n".join(b for b in blocks if b), metadata=metadata[1], url=address[1],
        url_type="URL" if by_url else "str", online=ASYNC_ONLINE if engine.is_async else SYNC_ONLINE,
        run="asyncio.run(migrate_online())" if engine.is_async else "migrate_online()")


def _imports(pairs: list[tuple[str, str]], mark: str = "") -> str:
    """Import statements for (module, name), an empty name for the module: those first, one line to a module."""
    whole = sorted({module for module, name in pairs if not name})
    parts = {module: sorted({n for m, n in pairs if m == module and n}, key=lambda n: (not n.isupper(), n))
             for module, name in sorted(pairs) if name}
    unused = mark.replace("E402", "E402, F401") if mark else "  # noqa: F401"
    return "\n".join([*(f"import {m}" + ("" if m in ("os", "asyncio") else unused) for m in whole),
                      *(f"from {m} import {', '.join(names)}{mark}" for m, names in parts.items())])


def guards(project: Project, made: list[Call]) -> tuple[Intent, ...]:
    """``create_all`` under a condition: the settings' development, else a switch of its own."""
    bare = [c for c in made if not c.conditions]
    if not bare or not settings_at_hand(project.facts):
        return ()
    test = "" if any(c.site.function is None for c in bare) else _development(project)
    condition = test or "{setting:create_tables_at_start}"
    first: tuple[Intent, ...] = () if test else (SWITCH,)
    return (*first, *(GuardStatement(c.place, "create_all", condition) for c in bare))


def _development(project: Project) -> str:
    """A condition that holds in development only; empty when the settings do not name it."""
    for cls in project.facts.settings_classes:
        for field in cls.fields if cls.instances else ():
            if field.name.lower() not in ENVIRONMENTS:
                continue
            values = re.findall(r"[\"']([\w-]+)[\"']", field.annotation) if "Literal" in field.annotation else []
            default = text_of(field.default)
            named = next((v for v in (*values, default or "") if v.lower() in DEVELOPMENT), "")
            if named and (values or field.annotation in ("str", "")):
                return f'{{setting:{field.name}}} == "{named}"'
    return ""
