"""The literals of a file that stand where a secret stands, kept with the file: without its path."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

from readybook.facts.alone import alone
from readybook.facts.literalnodes import sum_of
from readybook.facts.modules import Module
from readybook.facts.secretliterals import SecretLiteral, walked
from readybook.place import Place

_FIELDS = attrgetter(*(f.name for f in fields(SecretLiteral)))  # type: ignore[arg-type]
_PLACES = tuple(n for n, f in enumerate(fields(SecretLiteral)) if "Place" in str(f.type))  # type: ignore[arg-type]


def secret_literals(module: Module, signing: Collection[str] = (), keys: Mapping[tuple[int, int], str] | None = None,
                    ) -> list[SecretLiteral]:
    """The literals of one module that stand where a secret stands, judged or not.

    ``signing`` are values known to sign: a literal equal to one is listed whatever its name. ``keys`` maps (line, byte
    column) of literals handed to a signing call to the name of that call.
    """
    rows, hidden = alone(module, "literals")
    if keys or any(v in module.text or v.lower() in module.low or sum_of(v) in hidden for v in signing):
        return walked(module, signing, keys or {})[0]
    return [_unpacked(row, module.path) for row in rows]


def literals_in(module: Module) -> tuple[tuple[tuple[Any, ...], ...], frozenset[int]]:
    """The fact that is kept: literals found without knowing what signs, and sums of the texts that may sign."""
    found, hidden = walked(module, (), {})
    return tuple(map(_packed, found)), hidden


def _packed(literal: SecretLiteral) -> tuple[Any, ...]:
    row = list(_FIELDS(literal))
    for n in _PLACES:
        if (place := row[n]) is not None:
            row[n] = (place.line, place.column, place.end_line, place.symbol, place.exact)
    return tuple(row)


def _unpacked(row: tuple[Any, ...], path: str) -> SecretLiteral:
    values = list(row)
    for n in _PLACES:
        if (place := values[n]) is not None:
            values[n] = Place(path, *place)
    return SecretLiteral(*values)
