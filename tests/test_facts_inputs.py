"""What clients give and get: the names of model fields, the types of responses, the inputs of packages' routes."""

from __future__ import annotations

import pytest

from readybook.facts.application import Route
from readybook.project import Project

HEAD = ("from typing import Annotated\nfrom fastapi import Depends, FastAPI, Header, Query\n"
        "from pydantic import AliasGenerator, BaseModel, ConfigDict, Field\n"
        "from pydantic.alias_generators import to_camel, to_pascal\napp = FastAPI()\n")
GET = "\n\n@app.get('/')\ndef h(f: Annotated[Sift, Query()]): ...\n"


def routes(code: str, **files: str) -> tuple[Route, ...]:
    """The routes of a main.py."""
    return Project.from_files({"main.py": HEAD + code, **files}, app="main:app").facts.routes


def given(code: str) -> list[tuple[str, bool]]:
    """(name for clients, required) of each parameter of the one route."""
    (route,) = routes(code)
    return [(p.alias, p.required) for p in route.parameters]


@pytest.mark.parametrize(("config", "expected"), [
    ("    model_config = ConfigDict(alias_generator=to_camel)", "maxRows2D"),
    ("    model_config = {'alias_generator': to_pascal}", "MaxRows2D"),
    ("    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel, alias=to_pascal))",
     "maxRows2D"),
    ("    model_config = ConfigDict(alias_generator=AliasGenerator(serialization_alias=to_camel))", "max_rows_2d"),
    ("    model_config = ConfigDict(alias_generator=lambda name: name.upper())", "MAX_ROWS_2D"),
    ("    model_config = ConfigDict(alias_generator=made)", "max-rows-2d"),
    ("    class Config:\n        alias_generator = made", "max-rows-2d"),
    ("    model_config = ConfigDict(title='none')", "max_rows_2d"),
])
def test_names_that_an_alias_generator_makes(config: str, expected: str) -> None:
    code = ("def made(name):\n    return '-'.join(part for part in name.split('_'))\n\nclass Base(BaseModel):\n"
            f"{config}\n\nclass Sift(Base):\n    max_rows_2d: int = 5\n")
    assert given(code + GET) == [(expected, False)]


def test_an_alias_of_the_field_stands_before_the_generator() -> None:
    code = ("class Sift(BaseModel):\n    model_config = ConfigDict(alias_generator=to_camel)\n"
            "    max_rows: int = Field(5, alias='limit')\n    sort_by: Annotated[str, Field(validation_alias='by')]\n")
    assert given(code + GET) == [("limit", False), ("by", True)]


def test_a_model_that_is_a_dependency_takes_its_fields_by_their_aliases() -> None:
    """Pydantic puts them into its signature, where they are names that Python has."""
    code = ("class Sift(BaseModel):\n    model_config = ConfigDict(alias_generator=to_camel)\n    max_rows: int = 5\n"
            "    sort_by: str = Field(...)\n    from_day: str = Field(None, alias='from-day')\n\n\n"
            "@app.get('/')\ndef h(f: Sift = Depends()): ...\n")
    assert given(code) == [("maxRows", False), ("sortBy", True), ("from_day", False)]


def test_headers_of_a_model_keep_the_names_that_a_generator_makes() -> None:
    code = ("class Sift(BaseModel):\n    model_config = ConfigDict(alias_generator=to_pascal)\n    trace_id: str\n\n\n"
            "@app.get('/')\ndef h(f: Annotated[Sift, Header()]): ...\n")
    assert given(code) == [("TraceId", True)]


def test_fields_that_a_model_declares_anew_count_where_they_are_declared_last() -> None:
    code = ("class Base(BaseModel):\n    limit: int\n    sort: str\n\nclass Sift(Base):\n    limit: int = 5\n\n\n"
            "@app.get('/')\ndef h(f: Sift = Depends()): ...\n")
    assert given(code) == [("limit", False), ("sort", True)]


@pytest.mark.parametrize(("declared", "expected"), [
    ("q: str = Query(default=str(date.today()))", [("q", False)]), ("q: str = Query(default=...)", [("q", True)]),
    ("kind: Kind | None = None", [("kind", False)]), ("one: One = Depends()", []), ("two: Two = Depends()", []),
])
def test_what_is_asked_of_clients(declared: str, expected: list[tuple[str, bool]]) -> None:
    """Defaults that only run time knows, enums made by a call, and classes that their metaclass makes."""
    code = ("from datetime import date\nfrom enum import Enum\n\nKind = Enum('Kind', {'a': 'a'})\n\n"
            "class Single(type):\n    def __call__(cls):\n        return super().__call__()\n\n"
            "class One(metaclass=Single):\n    def __init__(self, host: str = 'a'): ...\n\nclass Two(One): ...\n\n"
            f"@app.get('/')\ndef h({declared}): ...\n")
    assert given(code) == expected


@pytest.mark.parametrize(("page", "expected"), [
    ("Page[int]", ["page", "size"]), ("LimitOffsetPage[int]", ["limit", "offset"]),
    ("Own[int]", ["page", "size", "by"]), ("list[int]", []),
])
def test_pages_ask_for_their_parameters(page: str, expected: list[str]) -> None:
    code = ("from fastapi_pagination import LimitOffsetPage, Page, Params, add_pagination\n\n"
            "class OwnParams(Params):\n    size: int = Query(5)\n    by: str = ''\n\n"
            "class Own(Page):\n    __params_type__ = OwnParams\n\n"
            f"@app.get('/')\ndef h() -> {page}: ...\n\nadd_pagination(app)\n")
    assert [name for name, _ in given(code)] == expected


@pytest.mark.parametrize(("options", "locked", "expected"), [
    ("", "0.115.0", "list[int]"), (", response_model=set", "0.115.0", "set"),
    (", response_model=None", "0.115.0", None), ("", "0.88.0", None), (", response_model=set", "0.88.0", "set"),
])
def test_types_of_responses(options: str, locked: str, expected: str | None) -> None:
    code = f"@app.get('/'{options})\ndef h() -> list[int]: ...\n"
    (route,) = routes(code, **{"requirements.txt": f"fastapi=={locked}\n"})
    assert route.response_model == expected


def test_what_the_routes_of_fastapi_users_ask_for_and_answer_with() -> None:
    code = ("from fastapi_users import FastAPIUsers\n\nclass Read(BaseModel):\n    id: int\n\nclass Create(Read):\n"
            "    password: str\n\nusers = FastAPIUsers(None, [])\n"
            "app.include_router(users.get_register_router(Read, user_create_schema=Create))\n"
            "app.include_router(users.get_reset_password_router())\n"
            "app.include_router(users.get_users_router(Read, Create))\n")
    told = {(r.method, r.path): ([p.alias for p in r.parameters], r.body, r.response_model, r.status_code)
            for r in routes(code)}
    assert told == {
        ("POST", "/register"): ([], "Create", "Read", 201),
        ("POST", "/forgot-password"): ([], "EmailStr", None, 202),
        ("POST", "/reset-password"): ([], "str, str", None, None),
        ("GET", "/me"): ([], None, "Read", None), ("PATCH", "/me"): ([], "Create", "Read", None),
        ("GET", "/{id}"): (["id"], None, "Read", None), ("PATCH", "/{id}"): (["id"], "Create", "Read", None),
        ("DELETE", "/{id}"): (["id"], None, None, 204),
    }


def test_the_connection_itself_is_no_input_wherever_it_is_imported_from() -> None:
    for package in ("fastapi.requests", "starlette.requests"):
        (route,) = routes(f"from {package} import HTTPConnection\n\n\ndef count(connection: HTTPConnection): ...\n\n\n"
                          "@app.get('/', dependencies=[Depends(count)])\ndef h(): ...\n")
        assert route.body is None and not route.parameters


@pytest.mark.parametrize("base", ["pydantic_model_creator(User)", "create_model('User', name=(str, ...))"])
@pytest.mark.parametrize("written", ["class Sent({base}):\n    pass\n", "Sent = {base}\n"])
def test_a_model_that_a_call_makes_is_the_body(base: str, written: str) -> None:
    code = ("from pydantic import create_model\nfrom tortoise.contrib.pydantic import pydantic_model_creator\n"
            + written.format(base=base) + "@app.post('/')\ndef h(sent: Sent, deep: int): ...\n")
    (route,) = routes(code)
    assert [p.name for p in route.parameters] == ["deep"] and route.body is not None


def test_what_a_router_of_fastapi_crudrouter_asks_for() -> None:
    code = ("from fastapi_crudrouter import TortoiseCRUDRouter\nclass Pea(BaseModel):\n    id: int\n"
            "app.include_router(TortoiseCRUDRouter(Pea, None, prefix='peas'))\n")
    found = {(r.method, r.path): r for r in routes(code)}
    assert [p.name for p in found["GET", "/peas"].parameters] == ["skip", "limit"]
    assert [p.name for p in found["PUT", "/peas/{item_id}"].parameters] == ["item_id"]
    assert found["POST", "/peas"].body is not None and found["GET", "/peas"].tags == ("Peas",)
    assert found["GET", "/peas"].is_async is True
