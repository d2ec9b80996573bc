"""What an application holds once it is imported: models, settings classes, middleware and handlers, as JSON.

Run by ``app_data.py`` with the interpreter of the application's environment, in the folder it is started in:
built_data.py ROOT MODULE:ATTRIBUTE. Only for code that is trusted: it is imported.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import os
import sys
from typing import Any


def own(cls: type, root: str) -> str:
    """The file of a class, relative to the root; empty for one of a package."""
    module = sys.modules.get(cls.__module__)
    path = os.path.realpath(getattr(module, "__file__", None) or "/")
    return os.path.relpath(path, root) if path.startswith(root + os.sep) and "site-packages" not in path else ""


def models(root: str) -> list[dict[str, Any]]:
    """The classes that SQLAlchemy has mapped, with what their tables are made of."""
    if "sqlalchemy" not in sys.modules:
        return []
    from sqlalchemy import Column, Table
    from sqlalchemy.orm import Mapper, configure_mappers

    configure_mappers()
    found = []
    for mapper in [m for m in gc.get_objects() if issubclass(type(m), Mapper) and own(m.class_, root)]:
        table = mapper.local_table
        firsts = set()
        for one in (*table.indexes, *table.constraints) if isinstance(table, Table) else ():
            if type(one).__name__ in ("Index", "PrimaryKeyConstraint", "UniqueConstraint"):
                parts = [getattr(e, "name", None) or getattr(getattr(e, "element", None), "name", None)
                         for e in getattr(one, "expressions", one.columns)]
                firsts.update(parts[:1])
        columns = {}
        for attribute in mapper.column_attrs:
            column = attribute.columns[0]
            if isinstance(column, Column) and column.table is table:
                keys = [k.target_fullname for k in column.foreign_keys]
                columns[attribute.key] = {
                    "name": column.name, "nullable": bool(column.nullable), "primary_key": column.primary_key,
                    "leads": column.name in firsts, "foreign_key": keys[0] if keys else "",
                    "unique": bool(column.unique)}
        links = {r.key: {"target": r.mapper.class_.__name__, "lazy": str(r.lazy), "many": r.uselist}
                 for r in mapper.relationships}
        found.append({"name": mapper.class_.__qualname__, "file": own(mapper.class_, root), "columns": columns,
                      "table": getattr(table, "name", ""), "relationships": links})
    return found


def settings(root: str) -> list[dict[str, Any]]:
    """The settings classes of pydantic-settings, with the variables and the defaults of their fields."""
    module = sys.modules.get("pydantic_settings")
    todo: list[Any] = [module.BaseSettings] if module is not None else []
    found: dict[Any, dict[str, Any]] = {}
    while todo:
        for cls in todo.pop().__subclasses__():
            if cls in found or cls in todo:
                continue
            todo.append(cls)
            if not own(cls, root):
                continue
            source = module.EnvSettingsSource(cls)
            fields = {}
            for name, field in cls.model_fields.items():
                plain = isinstance(field.default, str | int | float | bool | None)
                fields[name] = {"env": [e for _, e, _ in source._extract_field_info(field, name)],
                                "required": field.is_required(),
                                "default": field.default if plain and not field.default_factory else "…"}
            found[cls] = {"name": cls.__qualname__, "file": own(cls, root), "fields": fields}
    return list(found.values())


def name_of(value: Any) -> str:
    """The last name of a class or function, of what an object is made of, or a status code."""
    if isinstance(value, int):
        return str(value)
    return getattr(value, "__qualname__", type(value).__qualname__).rpartition(".")[2]


def main() -> None:
    """Import the application, and print."""
    root, (module, _, attribute) = os.path.realpath(sys.argv[1]), sys.argv[2].partition(":")
    sys.path.insert(0, os.getcwd())
    app = getattr(importlib.import_module(module), attribute)
    app = app() if inspect.isfunction(app) else app
    around = [m.kwargs.get("dispatch", m.cls) for m in app.user_middleware]
    handlers = {name_of(k): name_of(h) for k, h in app.exception_handlers.items()
                if not getattr(h, "__module__", "").startswith("fastapi.")}
    print(json.dumps({"models": models(root), "settings": settings(root), "handlers": handlers,
                      "middleware": [name_of(m) for m in around]}))
    sys.stdout.flush()
    os._exit(0)  # threads that the import began must not keep it


if __name__ == "__main__":
    main()
