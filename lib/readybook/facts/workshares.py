"""How much of the work that is done for a target one call may ask for: none hides all that comes after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

SHARE = 3  # one step of an application's start may take a third of the work that is left …
SHARED_DEPTH = 3  # … and so may a step of that step, and one of that
OF_MODULE = 4  # what the top level of a module without FastAPI calls may take a quarter of the work that is left …
FEW = 2_000  # … and then so many steps a call
OF_CLASSES = 8  # what all bodies of classes call, and what is called when a class is made, may take an eighth …
FEWER = 100  # … and then so many steps a call
CLASSES = ""


def limit_of_call(run: Interpreter) -> int:
    """The step at which the call that is about to run is cut short.

    What the start of an application calls gets a part of the work that is left, so that one long step of it, such as
    the load of plugins, does not hide the routes that the next one registers. What a module's top level calls gets a
    part too, so that one that builds a language of its own does not hide the application that is imported next.
    """
    if run.steps > run.limit or not run.frames:
        return run.limit
    if run.starting is not None:
        inside = len(run.frames) - run.starting
        return run.steps + (run.limit - run.steps) // SHARE if 0 < inside <= SHARED_DEPTH else run.limit
    frame = run.frames[-1]
    if frame.function is not None or run.symbolic:
        return run.limit
    if frame.owner is not None:
        return limit_of_class(run)
    path = frame.module.path
    if path not in run.parts:  # the module that a server names, and one with FastAPI, may be what makes the application
        whole = len(run.frames) < 2 or "fastapi" in frame.module.text
        run.parts[path] = 0 if whole else (run.limit - run.steps) // OF_MODULE
    part = run.parts[path]
    return min(run.limit, run.steps + max(part - run.spent.get(path, 0), FEW)) if part else run.limit


def limit_of_class(run: Interpreter) -> int:
    """The step at which a call from the body of a class is cut short, or one that is made because there is a class."""
    return min(run.limit, run.steps + max(run.work // OF_CLASSES - run.spent.get(CLASSES, 0), FEWER))


def note_work(run: Interpreter, before: int) -> None:
    """Book what a call took, from step ``before``, to the module or the start that made it."""
    if run.starting is not None:
        run.cut_short = run.cut_short or run.steps > run.limit
    else:
        frame = run.frames[-1]
        path = CLASSES if frame.owner is not None else frame.module.path
        if run.steps > run.limit:
            run.cut.add(frame.module.path)
        run.spent[path] = run.spent.get(path, 0) + run.steps - before
