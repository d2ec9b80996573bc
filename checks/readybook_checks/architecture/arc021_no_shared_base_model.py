"""ARC021: the same model configuration written again in every schema."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.schemas import Schema
from readybook.finding import Answer
from readybook.intents import EnsureModuleStatement, Intent, RemoveStatement, ReplaceExpression
from readybook.place import Place

FEWEST = 3
ROOT = "pydantic.main.BaseModel"
ROOTS = ("pydantic.BaseModel", ROOT)
NAME = "SharedModel"


class NoSharedBaseModel(Check):
    """The same configuration block is repeated in three schemas or more: the next one forgets it.

    Looked at: ``model_config`` and ``class Config`` of Pydantic models, compared by what they set. Schemas that inherit
    their configuration from a model of the project are right.

    Fix: within one module, a base model that carries the block; the schemas inherit from it. Across modules where the
    base shall live is for a person to say.
    """

    id = "ARC021"
    name = "no-shared-base-model"
    category = "architecture"
    severity = "low"
    hours = Hours(0.5, 1, 2)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.pydantic.dev/latest/concepts/config/#change-behaviour-globally",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each configuration that schemas share."""
        groups: dict[str, list[Schema]] = defaultdict(list)
        inherited: dict[str, Schema] = {}
        for schema in project.facts.schemas:
            own = schema.own_config
            if own is not None and own.values and all(isinstance(v, str | int | None) for _, v in own.values):
                groups[repr(sorted((k, repr(v)) for k, v in own.values))].append(schema)
            elif own is None and schema.config and schema.bases and not set(schema.bases) & set(ROOTS):
                inherited.setdefault(schema.bases[0], schema)
        repeated = [g for g in groups.values() if len(g) >= FEWEST]
        if not repeated and not inherited:
            yield NotApplicable("no configuration is written in three schemas or more")
        for schema in inherited.values():
            yield Right(schema.place, f"it takes its configuration from {schema.bases[0].rpartition('.')[2]}")
        for group in repeated:
            yield _finding(group)


def _finding(group: list[Schema]) -> Finding:
    first = group[0]
    assert first.own_config is not None
    names = ", ".join(s.name for s in group[:5]) + (f" and {len(group) - 5} more" if len(group) > 5 else "")
    sets = ", ".join(f"{k}={v!r}" for k, v in first.own_config.values)
    return Finding(
        first.own_config.place, f"{len(group)} schemas write the same configuration ({sets}): {names}.",
        chain=tuple(s.own_config.place for s in group[1:6] if s.own_config is not None), fix=_fix(group, sets))


def _fix(group: list[Schema], sets: str) -> Fix:
    title = f"Let them inherit from one base model with {sets}"
    first = group[0]
    module = first.cls.module
    if any(s.place.path != first.place.path for s in group):
        return advice(f"{title}: class {NAME}(BaseModel) in a module that all of them import",
                      "they stand in several modules, and where the base shall live is a decision")
    if first.own_config is None or first.own_config.style != "model_config" or NAME in module.text:
        return advice(title, "the block is a class of its own, or the name is taken")
    if any(tuple(s.bases) not in {(r,) for r in ROOTS} or "class " not in _header(s) for s in group):
        return advice(title, "some of them inherit from something else than BaseModel")
    statement = _statement(first)
    if statement is None:
        return advice(title, "the configuration is written over several lines")
    text = (f"class {NAME}(BaseModel):\n    \"\"\"What all schemas of this module have in common.\"\"\"\n\n"
            f"    {statement}")
    intents: list[Intent] = [EnsureModuleStatement(first.place.path, NAME, text)]
    for schema in group:
        assert schema.own_config is not None
        place = Place(schema.place.path, schema.cls.node[1], symbol=schema.place.symbol)
        intents += [ReplaceExpression(place, "BaseModel", NAME),
                    RemoveStatement(schema.own_config.place, "model_config")]
    return Fix(title, tuple(intents), safety="safe", reason="each schema has the options that it had")


def _header(schema: Schema) -> str:
    line = schema.cls.module.text.split("\n")[schema.cls.node[1] - 1]
    return line if line.count("BaseModel") == 1 else ""


def _statement(schema: Schema) -> str | None:
    assert schema.own_config is not None
    line = schema.cls.module.text.split("\n")[schema.own_config.place.line - 1].strip()
    line = re.sub(r"\s+#[^\"']*$", "", line)
    return line if line.startswith("model_config") and line.endswith((")", "}")) else None


HEAD = "from pydantic import BaseModel, ConfigDict\n"
LINE = "    model_config = ConfigDict(from_attributes=True)\n"


def _schema(name: str, field: str, line: str = LINE) -> str:
    return f"\n\nclass {name}(BaseModel):\n{line}{chr(10) if line else ''}    {field}: int\n"


THREE = [("User", "age"), ("Item", "price"), ("Order", "total")]
BASE = f"\n\nclass {NAME}(BaseModel):\n    \"\"\"What all schemas of this module have in common.\"\"\"\n\n" + LINE
NoSharedBaseModel.examples = (
    Bad({"schemas.py": HEAD + "".join(_schema(*x) for x in THREE)}, at=("schemas.py:5",), severity="low",
        fixed={"schemas.py": HEAD + BASE + "".join(_schema(n, f, "").replace("BaseModel", NAME) for n, f in THREE)}),
    Bad({f"{f}.py": HEAD + _schema(n, f) for n, f in THREE}, at=("age.py:5",)),
    Bad({"schemas.py": "import pydantic as p\n" + "".join(
        f"\n\nclass {n}(p.BaseModel):\n    {f}: int\n\n    class Config:\n        orm_mode = True\n"
        for n, f in THREE)},
        at=("schemas.py:7",)),
    Good({"schemas.py": HEAD + BASE + "".join(_schema(n, f, "").replace("BaseModel", NAME) for n, f in THREE)}),
    Good({"schemas.py": HEAD + "".join(_schema(*x) for x in THREE[:2])}, outcome="not_applicable"),
    Good({"schemas.py": HEAD + "".join(_schema(n, f, LINE.replace("True", f"True, title=\"{n}\"")) for n, f in THREE)},
         outcome="not_applicable"),
)
