"""Columns that well-known base classes of packages give every database model that derives from them."""

from __future__ import annotations

from collections.abc import Iterator

from readybook.facts.objects import ClassValue
from readybook.facts.ormcolumns import Column
from readybook.place import Place

# name, type, length, and of "n" may be null, "p" primary key, "i" indexed, "u" unique: from the packages' documentation
_ROW = tuple[str, str, int | None, str]
_KEY: _ROW = ("id", "GUID", None, "p")
_NUMBER: _ROW = ("id", "BigInteger", None, "p")
_USER: tuple[_ROW, ...] = (
    ("email", "String", 320, "iu"), ("hashed_password", "String", 1024, ""), ("is_active", "Boolean", None, ""),
    ("is_superuser", "Boolean", None, ""), ("is_verified", "Boolean", None, ""))
_ACCOUNT: tuple[_ROW, ...] = (
    ("oauth_name", "String", 100, "i"), ("access_token", "String", 1024, ""), ("expires_at", "Integer", None, "n"),
    ("refresh_token", "String", 1024, "n"), ("account_id", "String", 320, "i"), ("account_email", "String", 320, ""))
_TIMES: tuple[_ROW, ...] = (("created_at", "DateTimeUTC", None, ""), ("updated_at", "DateTimeUTC", None, ""))
_TOKEN: tuple[_ROW, ...] = (("token", "String", 43, "p"), ("created_at", "TIMESTAMPAware", None, "i"))
_FLAGS: tuple[_ROW, ...] = tuple((f"is_{word}", "BooleanField", None, "") for word in (
    "active", "superuser", "verified"))
_TORTOISE: tuple[_ROW, ...] = (
    ("id", "UUIDField", None, "piu"), ("email", "CharField", 255, "iu"), ("hashed_password", "CharField", 255, ""),
    *_FLAGS)
_DOCUMENT: tuple[_ROW, ...] = (
    ("email", "str", None, "iu"), ("hashed_password", "str", None, ""), *((n, "bool", None, "") for n, *_ in _FLAGS))
_USERS = {
    "SQLAlchemyBaseUserTable": _USER, "SQLAlchemyBaseUserTableUUID": (_KEY, *_USER),
    "SQLAlchemyBaseOAuthAccountTable": _ACCOUNT, "SQLAlchemyBaseOAuthAccountTableUUID": (_KEY, *_ACCOUNT),
    "SQLAlchemyBaseAccessTokenTable": _TOKEN, "SQLAlchemyBaseAccessTokenTableUUID": _TOKEN,
    "TortoiseBaseUserModel": _TORTOISE, "BeanieBaseUser": _DOCUMENT,
}
# of SQLAlchemyBase…Table
_TABLES = dict((("User", "user"), ("OAuthAccount", "oauth_account"), ("AccessToken", "accesstoken")))
_ALCHEMY = {
    "UUIDBase": (_KEY,), "UUIDAuditBase": (_KEY, *_TIMES), "UUIDv6Base": (_KEY,), "UUIDv6AuditBase": (_KEY, *_TIMES),
    "UUIDv7Base": (_KEY,), "UUIDv7AuditBase": (_KEY, *_TIMES), "BigIntBase": (_NUMBER,),
    "BigIntAuditBase": (_NUMBER, *_TIMES),
}
_PACKAGES = {
    "fastapi_users": _USERS, **{f"fastapi_users_db_{n}": _USERS for n in ("sqlalchemy", "tortoise", "beanie")},
    "advanced_alchemy": _ALCHEMY,
}


def inherited_table(cls: ClassValue) -> str:
    """The table name that a package's base gives a model; empty when none does."""
    for path in cls.external_bases():
        name = path.rpartition(".")[2]
        if path.startswith("fastapi_users") and name.startswith("SQLAlchemyBase"):
            return _TABLES.get(name.removeprefix("SQLAlchemyBase").removesuffix("UUID").removesuffix("Table"), "")
    return ""


def inherited_columns(cls: ClassValue, own: list[Column]) -> Iterator[Column]:
    """The columns that packages' bases give a model, without those that it declares itself; they stand at its class."""
    declared = {c.attribute for c in own}
    at = cls.module.place(cls.node)
    place = Place(at.path, at.line)  # no symbol: the class's own body declares nothing of them
    for path in cls.external_bases():
        package, _, _ = path.partition(".")
        for name, kind, length, flags in _PACKAGES.get(package, {}).get(path.rpartition(".")[2], ()):
            if name not in declared:
                declared.add(name)
                yield Column(name, name, kind, length, "n" in flags, "p" in flags, "i" in flags, "u" in flags, "",
                             place, "")
