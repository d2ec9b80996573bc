"""ARC018: answers copied field by field from an object that the model could read itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.schemas import Schema
from readybook.facts.syntax import Node
from readybook.finding import Answer
from readybook.intents import ReplaceExpression

FEWEST = 4


class ManualResponseBuild(Check):
    """A handler copies an object into its response model field by field: a new field is forgotten in one of them.

    Looked at: calls of response models in handlers and in what they call, where four fields or more are copied from
    attributes of the same name of one object. A model with ``from_attributes`` reads the object itself.

    Fix: ``Model.model_validate(object)`` where the model has ``from_attributes``, every argument is such a copy and no
    field of the model is left out; otherwise advice.
    """

    id = "ARC018"
    name = "manual-response-build"
    category = "architecture"
    severity = "low"
    hours = Hours(0.5, 1, 2, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.pydantic.dev/latest/concepts/models/#arbitrary-class-instances",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each place where application code builds a response model."""
        returned = {id(s.cls): s for s in project.facts.schemas if s.returned_by}
        looked = False
        for call in project.facts.behaviour.calls_to(*{s.path for s in returned.values()}):
            schema = returned.get(id(call.site.callee))
            if schema is None or not call.function:
                continue
            looked = True
            source, copied = _copied(call.site.node)
            if len(copied) >= FEWEST:
                yield _finding(project, call, schema, source, copied)
            else:
                yield Right(call.place, "its fields are computed, or few")
        if not looked:
            yield NotApplicable("no code builds a response model")


def _copied(node: Node) -> tuple[str, set[str]]:
    """The object that most arguments are attributes of, and the fields that are copied from it by name."""
    pairs = [(name, value[3][3]) for name, value in node[5]
             if name and value[0] == "attr" and value[3][0] == "name" and value[4] == name]
    objects = Counter(owner for _, owner in pairs)
    if not objects:
        return "", set()
    source = objects.most_common(1)[0][0]
    return source, {name for name, owner in pairs if owner == source}


def _finding(project: Project, call: Call, schema: Schema, source: str, copied: set[str]) -> Finding:
    return Finding(
        call.place, f"{schema.name} is filled with {len(copied)} fields of {source} one by one: a field that is added "
        "to the model stays empty here.", fix=_fix(project, call, schema, source, copied))


def _fix(project: Project, call: Call, schema: Schema, source: str, copied: set[str]) -> Fix:
    title = f"Let {schema.name} read {source} itself"
    node = call.site.node
    fields = {f.name for f in schema.fields}
    text = call.site.module.source(node)
    release = project.facts.release("pydantic")
    if schema.from_attributes is not True:
        return advice(f"{title}: from_attributes in its model_config, and {schema.name}.model_validate({source})",
                      "the model does not read attributes yet, and which it would take up is for a person to see")
    if len(copied) != len(node[5]) or node[4] or copied != fields:
        return advice(f"{title}: {schema.name}.model_validate({source})", "some fields are computed or left out")
    if release is not None and release < (2,) or text is None or any(f.bounds.get("function") for f in schema.fields):
        return advice(title, "the fields pass validators, or the Pydantic that is pinned reads objects in another way")
    callee = text.partition("(")[0]
    return Fix(title, (ReplaceExpression(call.place, text, f"{callee}.model_validate({source})"),), safety="review",
               reason="attributes are read and validated as they are: properties that compute run once more")


SCHEMA = ("from pydantic import BaseModel, ConfigDict\n\n\nclass UserOut(BaseModel):\n"
          "    model_config = ConfigDict(from_attributes=True)\n\n    id: int\n    name: str\n    mail: str\n"
          "    age: int\n")
MAIN = ("from fastapi import FastAPI\n\nfrom schemas import UserOut\n\napp = FastAPI()\n\n\nclass User:\n    id = 1\n"
     "\n\n"
        "@app.get(\"/\")\ndef home() -> UserOut:\n    user = User()\n    return {}\n")
COPY = "UserOut(id=user.id, name=user.name, mail=user.mail, age=user.age)"
ManualResponseBuild.examples = (
    Bad({"schemas.py": SCHEMA, "main.py": MAIN.format(COPY)}, at=("main.py:15",), severity="low",
        fixed={"main.py": MAIN.format("UserOut.model_validate(user)")}),
    Bad({"schemas.py": SCHEMA.replace("    model_config = ConfigDict(from_attributes=True)\n\n", ""),
         "main.py": MAIN.format(COPY)}, at=("main.py:15",)),
    Bad({"schemas.py": SCHEMA, "main.py": MAIN.format("[UserOut(\n        id=user.id,\n        name=user.name,\n"
                                                      "        mail=user.mail,\n        age=user.age + 0,\n    )][0]")
         .replace("age=user.age + 0", "age=user.age, nick=user.name")}, at=("main.py:15",)),
    Good({"schemas.py": SCHEMA, "main.py": MAIN.format("UserOut.model_validate(user)")}, outcome="not_applicable"),
    Good({"schemas.py": SCHEMA, "main.py": MAIN.format("UserOut(id=1, name=str(user.id), mail=\"\", age=user.age)")}),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
)
