"""Settings classes and variables of the environment: their names, their defaults and which are required."""

from __future__ import annotations

from readybook import Project
from readybook.facts.values import Unknown, by_default


def fields(text: str):
    (cls,) = Project.from_files({"app/settings.py": text}).facts.settings_classes
    return {f.name: f for f in cls.every}


def variables(text: str):
    return {v.name: v for v in Project.from_files({"app/settings.py": text}).facts.variables}


OLD = """from typing import Optional

from pydantic import BaseSettings, Field


class Settings(BaseSettings):
    host: Optional[str]
    port: "int | None"
    user: Optional[str] = Field(env="DB_USER")
    name: Optional[str] = Field(...)
    table: str
    retries = 3

    class Config:
        fields = {"table": {"env": "TABLE_NAME"}}
"""


def test_optional_fields_of_pydantic_1_are_none_by_default():
    found = fields(OLD)
    assert [n for n, f in found.items() if f.required] == ["name", "table"]
    assert [found[n].default for n in ("host", "port", "user")] == [None, None, None]
    new = fields(OLD.replace("from pydantic import BaseSettings, Field",
                             "from pydantic import Field\nfrom pydantic_settings import BaseSettings"))
    assert [n for n, f in new.items() if f.required] == ["host", "port", "user", "name", "table"]


def test_pydantic_1_takes_attributes_without_annotation_and_names_of_its_configuration():
    found = fields(OLD)
    assert found["retries"].default == 3 and found["table"].env == "TABLE_NAME" and found["user"].env == "DB_USER"


def test_names_keep_their_case_where_it_counts():
    text = """from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict


class Store(BaseModel):
    host: str = "localhost"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="app_", case_sensitive=True, env_nested_delimiter="__")
    level: int = 3
    store: Store = Store()
"""
    assert [f.env for f in fields(text).values()] == ["app_level", "app_store", "app_store__host"]
    assert [f.env for f in fields(text.replace("case_sensitive=True, ", "")).values()] == [
        "APP_LEVEL", "APP_STORE", "APP_STORE__HOST"]


def test_a_variable_that_a_helper_reads_counts_where_its_name_stands():
    found = variables("""import os


def read(name, default=None):
    value = os.environ.get(name)
    return default if value is None else value


PORT = read("PORT", 80)
HOST = read(name="HOST")
BOTH = [os.getenv(name, "x") for name in ("LEFT", "RIGHT")]
""")
    assert {n: str(v.place) for n, v in found.items()} == {
        "PORT": "app/settings.py:9", "HOST": "app/settings.py:10", "LEFT": "app/settings.py:11",
        "RIGHT": "app/settings.py:11"}
    assert found["LEFT"].default == "x"


def test_a_default_is_what_its_cast_makes_of_it():
    found = variables("""from decouple import Csv, config
from starlette.config import Config
from starlette.datastructures import CommaSeparatedStrings

ask = Config()
SIZE = config("SIZE", default="20", cast=int)
RATE = ask("RATE", float, "0.5")
HOSTS = ask("HOSTS", cast=CommaSeparatedStrings, default="a, b")
NAMES = config("NAMES", default="", cast=Csv())
WORDS = config("WORDS", default="x y", cast=lambda text: text.split())
ODD = config("ODD", default="x", cast=elsewhere)
PLAIN = config("PLAIN", "on", bool)
LATER = config("LATER", default="x", cast=lambda text: elsewhere(text))
""")
    defaults = {n: by_default(v.default) for n, v in found.items()}
    later = defaults.pop("LATER")
    assert defaults == {"SIZE": 20, "RATE": 0.5, "HOSTS": ["a", "b"], "NAMES": [], "WORDS": ["x", "y"], "ODD": "x",
                        "PLAIN": True}
    assert isinstance(later, Unknown) and not found["LATER"].required


MADE = """import os

from pydantic import PostgresDsn, field_validator, model_validator
from pydantic_settings import BaseSettings
from sqlalchemy.ext.asyncio import create_async_engine


class Settings(BaseSettings):
    HOST: str = "localhost"
    ADDRESS: PostgresDsn | None = None
    ORIGINS: list[str] | str = "http://a.example, http://b.example"
    NOTE: str | None = None
    COPY: str | None = None
    WORD: str = "plain"
    SALT: str = ""
    STAMP: str = os.getenv("STAMP", now())

    @field_validator("ADDRESS", mode="before")
    @classmethod
    def assemble(cls, value, info):
        if isinstance(value, str):
            return value
        return PostgresDsn.build(scheme="postgresql+asyncpg", host=info.data["HOST"], path="db")

    @field_validator("ORIGINS", mode="before")
    @classmethod
    def split(cls, value):
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("NOTE")
    @classmethod
    def check(cls, value):
        if value is not None and len(value) < 3:
            raise ValueError("too short")
        return value

    @field_validator("WORD", "SALT")
    @classmethod
    def change(cls, value):
        return elsewhere(value)

    @model_validator(mode="after")
    def fill(self):
        self.COPY = self.HOST + "!"
        return self


settings = Settings()
engine = create_async_engine(str(settings.ADDRESS))
origins, note, copy, word, salt = settings.ORIGINS, settings.NOTE, settings.COPY, settings.WORD, settings.SALT
"""


def test_an_object_of_settings_holds_what_its_validators_make_of_the_defaults():
    project = Project.from_files({"app/settings.py": MADE})
    names = project.facts.program.run.load(project.facts.modules.by_path["app/settings.py"]).scope.names
    found = {n: by_default(names[n]) for n in ("origins", "note", "copy", "word", "salt")}
    assert found["origins"] == ["http://a.example", "http://b.example"] and found["note"] is None
    assert found["word"] == "plain", "what cannot be followed is taken to check only"
    assert isinstance(found["copy"], Unknown) and isinstance(found["salt"], Unknown), "nothing given is filled in"
    (engine,) = project.facts.engines
    assert (engine.backend, engine.driver) == ("postgresql", "asyncpg")


def test_a_default_that_cannot_be_worked_out_is_a_default():
    stamp = fields(MADE)["STAMP"]
    assert isinstance(stamp.default, Unknown) and not stamp.required
