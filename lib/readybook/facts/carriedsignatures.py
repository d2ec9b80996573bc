"""``inspect.signature``, the parameters that code takes from it and makes anew, and what ``__signature__`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, Native, PartialValue
from readybook.facts.symbols import annotation_value
from readybook.facts.unparse import unparse
from readybook.facts.values import External

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

OF_FUNCTION, MADE, PARAMETER = "inspect.signature()", "inspect.Signature", "inspect.Parameter"
EMPTY = External("inspect.Parameter.empty")
KINDS = {"pos": 0, "any": 1, "var": 2, "key": 3, "keys": 4}  # inspect's are numbers too
GATHERING = (KINDS["var"], KINDS["keys"])


class Carried(NamedTuple):
    """One parameter of a signature: ``default`` and ``annotation`` are EMPTY where there is none."""

    name: str
    annotation: Any
    default: Any
    text: str


def signed_as(f: FunctionValue) -> FunctionValue | None:
    """The function whose signature another one carries as ``__signature__``; None for no or an unknown one."""
    given = f.attrs.get("__signature__")
    while isinstance(given, Instance):
        if given.path == OF_FUNCTION:
            return given.args[0] if given.args and isinstance(given.args[0], FunctionValue) else None
        given = given.attrs.get("__on__")
    return None


def carried(target: Any) -> list[Carried] | None:
    """The parameters that ``__signature__`` names, ``*args`` and ``**kwargs`` left out; None if unknown."""
    given = target.attrs.get("__signature__") if isinstance(target, FunctionValue) else None
    parameters = given.attrs.get("parameters") if isinstance(given, Instance) else None
    if not isinstance(parameters, dict):
        return None
    return [Carried(p.attrs["name"], p.attrs["annotation"], p.attrs["default"], p.attrs.get("__text__", ""))
            for p in parameters.values() if p.attrs["kind"] not in GATHERING]


def _signature(path: str, parameters: Any, args: Any, on: Any = None) -> Instance:
    """A signature object; its ``parameters`` only where each of them is known."""
    made = Instance(External(path), args=args)
    if isinstance(parameters, dict):
        parameters = list(parameters.values())
    if isinstance(parameters, list | tuple) and all(_is_parameter(p) for p in parameters):
        made.attrs["parameters"] = {p.attrs["name"]: p for p in parameters}
    if on is not None:
        made.attrs["__on__"] = on
    made.attrs["replace"] = Native("replace", lambda a, k, site: _signature(
        f"{path}.replace()", k.get("parameters", made.attrs.get("parameters")), (), made))
    return made


def _is_parameter(value: Any) -> bool:
    return isinstance(value, Instance) and value.path == PARAMETER and isinstance(value.attrs.get("name"), str)


def _parameter(attrs: dict[str, Any]) -> Instance:
    made = Instance(External(PARAMETER), attrs)
    attrs["empty"] = EMPTY
    attrs["replace"] = Native("replace", lambda a, k, site: _parameter({
        **{n: v for n, v in attrs.items() if n != "__text__" or "annotation" not in k},
        **{n: k[n] for n in ("name", "kind", "default", "annotation") if n in k}}))
    return made


def _own(run: Interpreter, f: FunctionValue, skip: int) -> list[Instance]:
    """The parameters of a function of the project, as ``inspect.signature`` gives them."""
    from readybook.facts.frames import Frame
    from readybook.facts.interpreter import default_of

    found = []
    scope = (f.owner.scope if f.owner else f.scope).as_of(f.node[1])
    run.frames.append(Frame(f.module, f, f.owner))
    try:
        for name, annotation, default, kind, *_ in f.params[skip:]:
            found.append(_parameter({
                "name": name, "kind": KINDS[kind], "__text__": unparse(annotation),
                "annotation": EMPTY if annotation is None else annotation_value(run, annotation, scope),
                "default": EMPTY if default is None else default_of(run, f, name, default)}))
    finally:
        run.frames.pop()
    return found


def _called(run: Interpreter, target: Any) -> list[Instance] | None:
    """The parameters of what a program may call; None where they are not known."""
    skip = 0
    if isinstance(target, Bound):
        target, skip = target.function, 1
    elif isinstance(target, ClassValue):
        from readybook.facts.dependencies import own_method

        target, skip = own_method(target, "__init__"), 1
    if isinstance(target, PartialValue) or not isinstance(target, FunctionValue) or target.node[0] != "def":
        return None
    given = target.attrs.get("__signature__")
    if isinstance(given, Instance):
        parameters = given.attrs.get("parameters")
        return list(parameters.values())[skip:] if isinstance(parameters, dict) else None
    return _own(run, target.original, skip)


def signature_of(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``inspect.signature(f)``."""
    target = args[0] if args else kwargs.get("obj")
    return _signature(OF_FUNCTION, _called(run, target), (target,))


def signature_made(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``inspect.Signature(parameters)``."""
    return _signature(MADE, kwargs.get("parameters", args[0] if args else ()), ())


def parameter_made(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``inspect.Parameter(name, kind, default=…, annotation=…)``."""
    given = {**dict(zip(("name", "kind"), args, strict=False)), **kwargs}
    return _parameter({"kind": KINDS["any"], "default": EMPTY, "annotation": EMPTY, **given})


CALLS: dict[str, Any] = {"inspect.signature": signature_of, "inspect.Signature": signature_made,
                         "inspect.Parameter": parameter_made}
