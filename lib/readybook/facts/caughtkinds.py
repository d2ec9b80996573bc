"""Which ``except`` takes what a ``raise`` raised."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from readybook.facts.expressions import evaluate
from readybook.facts.objects import ClassValue, Instance, Namespace
from readybook.facts.values import External

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter


def catching(run: Interpreter, handlers: Any, scope: Namespace) -> Any:
    """The first of the handlers that takes what was raised, or may take it; None when none does."""
    for handler in handlers:
        if handler[0] is None or catches(run, evaluate(run, handler[0], scope)) is not False:
            return handler
    return None


def catches(run: Interpreter, kind: Any) -> bool | None:
    """Whether ``except kind`` takes what was raised last, None when that is not known."""
    if isinstance(kind, tuple | list):
        answers = [catches(run, k) for k in kind]
        return True if True in answers else None if None in answers else False
    raised = run.raised.cls if isinstance(run.raised, Instance) else run.raised
    if isinstance(kind, ClassValue):
        if isinstance(raised, ClassValue):
            return any(c is kind for c in raised.mro())
        return False if _builtin(raised) is not None else None
    wanted = _builtin(kind)
    if wanted is None:
        return None
    if not isinstance(raised, ClassValue):
        found = _builtin(raised)
        return issubclass(found, wanted) if found is not None else None
    bases = [_builtin(External(path)) for path in raised.external_bases()]
    if any(b is not None and issubclass(b, wanted) for b in bases):
        return True
    return None if None in bases or not bases else False


def _builtin(kind: Any) -> type[BaseException] | None:
    """The exception of Python's own that a value stands for."""
    found = getattr(builtins, kind.path.removesuffix("()"), None) if isinstance(kind, External) else None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None
