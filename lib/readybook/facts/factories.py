"""Functions that build an application, one inside another."""

from __future__ import annotations

from collections.abc import Iterator

from readybook.facts.objects import FunctionValue, Instance


def outermost(made: list[tuple[FunctionValue, Instance]]) -> Iterator[tuple[FunctionValue, Instance]]:
    """The factories of one module, without those that another one calls to go on with what they made.

    A factory for tests takes nothing from the one that it calls.
    """
    def goes_on(outer: FunctionValue, inner: FunctionValue) -> bool:
        text = outer.module.lines_of(outer.node[1], outer.node[3])
        return outer is not inner and f"{inner.name}(" in text and "test" not in outer.name

    for item, app in made:
        if not any(goes_on(other, item) and another.native.place == app.native.place for other, another in made):
            yield item, app
