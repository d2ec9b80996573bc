"""A finished audit kept in the cache: the same code, checks and configuration on the same day give the same report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from readybook.cache import Cache, analyser_digest
from readybook.check import Check
from readybook.config import Config
from readybook.project import Project
from readybook.report import Report

ENGINE = Path(__file__).parent


class Remembered:
    """The place in the cache of one audit: ``load`` gives its report when it ran before, ``keep`` stores it.

    What decides is part of the key: every file that was read and seen, the choice of application, the configuration,
    the checks with their sources, the engine's own sources, the Python version and the day (waivers expire).
    """

    def __init__(self, project: Project, config: Config, checks: Iterable[Check], only: tuple[str, ...],
                 skip: tuple[str, ...], today: date) -> None:
        self._cache = None
        if project.folder is not None:
            self._cache = Cache.open(f"{project.folder}#report", analyser_digest(), target=project.folder)
            self._key = _key(project, config, tuple(checks), only, skip, today)

    def load(self) -> Report | None:
        """The report of the same audit, None when it never ran or its entry is damaged."""
        found = self._cache.get(self._key) if self._cache is not None else None
        if found is None:
            return None
        try:
            return Report.from_json(found.decode("utf-8"))
        except (ValueError, KeyError, TypeError):
            return None

    def keep(self, report: Report) -> None:
        """Store a report; it replaces that of the target's earlier state. One in which a check failed is asked again:
        what it failed of, such as a lack of memory, may be gone by then."""
        if self._cache is not None and all(result.outcome != "error" for result in report.results):
            self._cache.put(self._key, report.to_json().encode("utf-8"))
            self._cache.close()


def _key(project: Project, config: Config, checks: tuple[Check, ...], only: tuple[str, ...], skip: tuple[str, ...],
         today: date) -> str:
    state = hashlib.blake2b(digest_size=16)
    for path, source in sorted(project.files.items()):
        state.update(f"{path}\0{len(source.text)}\0".encode("utf-8", "surrogatepass"))
        state.update(source.text.encode("utf-8", "surrogatepass"))
    said = [project.name, project.app, project.app_dir, project.public_api, project.commit, sorted(project.present),
            sorted(project.tracked or ()), project.tracked is None, project.unreadable, only, skip, today.isoformat(),
            repr(config), [(c.id, type(c).__module__) for c in checks]]
    state.update(json.dumps(said, default=str).encode("utf-8", "surrogatepass"))
    for folder in sorted({ENGINE, *(pack for c in checks if (pack := _pack(c)) is not None)}):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".tmpl"):
                state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()


def _pack(check: Check) -> Path | None:
    """The folder of the top-level package that a check comes from."""
    import sys

    module = sys.modules.get(type(check).__module__.partition(".")[0])
    file = getattr(module, "__file__", None)
    return Path(file).parent if file else None
