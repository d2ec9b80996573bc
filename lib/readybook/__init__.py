"""Readybook: audit a FastAPI codebase for production readiness, and remediate it.

The names below are the public surface; importing the package loads none of them, each comes when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from readybook.check import Bad as Bad
    from readybook.check import Check as Check
    from readybook.check import Estimate as Estimate
    from readybook.check import Good as Good
    from readybook.check import Hours as Hours
    from readybook.check import Result as Result
    from readybook.config import Config as Config
    from readybook.errors import ConfigError as ConfigError
    from readybook.errors import PackError as PackError
    from readybook.errors import PatchError as PatchError
    from readybook.errors import ReadybookError as ReadybookError
    from readybook.errors import TargetError as TargetError
    from readybook.finding import CannotTell as CannotTell
    from readybook.finding import Finding as Finding
    from readybook.finding import Fix as Fix
    from readybook.finding import NotApplicable as NotApplicable
    from readybook.finding import Right as Right
    from readybook.finding import advice as advice
    from readybook.masking import mask as mask
    from readybook.place import Place as Place
    from readybook.project import Project as Project
    from readybook.report import Report as Report
    from readybook.run import audit as audit
    from readybook.version import __version__ as __version__

_HOMES = {
    "Bad": "check", "CannotTell": "finding", "Check": "check", "Config": "config", "ConfigError": "errors",
    "Estimate": "check", "Finding": "finding", "Fix": "finding", "Good": "check", "Hours": "check",
    "NotApplicable": "finding", "PackError": "errors", "PatchError": "errors", "Place": "place", "Project": "project",
    "ReadybookError": "errors", "Report": "report", "Result": "check", "Right": "finding", "TargetError": "errors",
    "__version__": "version", "advice": "finding", "audit": "run", "mask": "masking",
}
__all__ = [
    "Bad", "CannotTell", "Check", "Config", "ConfigError", "Estimate", "Finding", "Fix", "Good", "Hours",
    "NotApplicable", "PackError", "PatchError", "Place", "Project", "ReadybookError", "Report", "Result", "Right",
    "TargetError", "__version__", "advice", "audit", "mask",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'readybook' has no attribute {name!r}")
    value = getattr(import_module(f"readybook.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
