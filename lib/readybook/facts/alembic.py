"""Alembic environments: configuration, env.py, revisions; and other tools that migrate a database."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from readybook.facts.tomltables import ini_table, line_of, section, toml_table
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

_REVISION = regex(r"^revision\s*(?::[^=\n]+)?=\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_DOWN = regex(r"^down_revision\s*(?::[^=\n]+)?=\s*(.+)$", re.MULTILINE)
_ENV = regex(r"\b(?:from alembic import|import alembic|context\.configure)\b")
_OTHER = {
    "aerich": regex(r"^\[tool\.aerich\]", re.MULTILINE),
    "yoyo": regex(r"^\[(?:tool\.)?yoyo", re.MULTILINE),
}


@record
class Revision:
    """One revision file; ``down`` holds the identifiers it follows (empty for the first)."""

    identifier: str
    down: tuple[str, ...]
    place: Place


@record
class AlembicEnvironment:
    """One migration folder. ``config`` is its alembic.ini (or pyproject), ``env`` its env.py, empty when missing.

    ``url`` is ``sqlalchemy.url`` as the configuration holds it, empty when it sets none; ``asynchronous``: env.py runs
    on an async engine. ``heads``: revisions that nothing follows; more than one makes ``upgrade head`` fail.
    """

    folder: str
    config: Place | None
    env: Place | None
    revisions: tuple[Revision, ...]
    url: str
    url_place: Place | None
    asynchronous: bool

    @property
    def heads(self) -> tuple[str, ...]:
        """Identifiers of the revisions that no other one follows."""
        followed = {down for revision in self.revisions for down in revision.down}
        return tuple(r.identifier for r in self.revisions if r.identifier not in followed)


@record
class MigrationTool:
    """Another migration tool: aerich, yoyo, django, piccolo, dbmate, flyway, atlas or sql."""

    name: str
    place: Place


def alembic(project: Project) -> tuple[AlembicEnvironment, ...]:
    """Every Alembic environment of the target, by folder."""
    configs = dict(_configs(project))
    envs = {posixpath.dirname(path) for path, file in project.files.items()
            if path.rpartition("/")[2] == "env.py" and _ENV.search(file.text)}
    found = []
    for folder in sorted(envs | {f for f in configs if f}):
        config, url, url_place = configs.get(folder, (None, "", None))
        env = posixpath.join(folder, "env.py")
        text = project.files[env].text if env in project.files else ""
        found.append(AlembicEnvironment(
            folder, config, Place(env) if text else None, tuple(_revisions(project, folder)), url, url_place,
            bool(re.search(r"async_engine_from_config|create_async_engine|AsyncEngine|run_sync", text)),
        ))
    return tuple(found)


def migration_tools(project: Project) -> tuple[MigrationTool, ...]:
    """Other tools that migrate the database, as their own files show."""
    found: dict[str, MigrationTool] = {}
    for path, file in sorted(project.files.items()):
        name = path.rpartition("/")[2]
        for tool, pattern in _OTHER.items() if name in ("pyproject.toml", "yoyo.ini") else ():
            if match := pattern.search(file.text):
                found.setdefault(tool, MigrationTool(tool, Place(path, file.text.count("\n", 0, match.start()) + 1)))
        if "/migrations/" in f"/{path}" and name.endswith(".py"):
            if re.search(r"^class Migration\(migrations\.Migration\)", file.text, re.MULTILINE):
                found.setdefault("django", MigrationTool("django", Place(path)))
            elif "piccolo.apps.migrations" in file.text:
                found.setdefault("piccolo", MigrationTool("piccolo", Place(path)))
        if name in ("atlas.hcl", "flyway.conf", "flyway.toml"):
            found.setdefault(name.split(".")[0], MigrationTool(name.split(".")[0], Place(path)))
    for path in sorted(p for p in project.present if p.endswith(".sql")):
        if re.search(r"(?:^|/)migrations?/(?:[^/]+/)*(?:V?\d[\w.-]*__?[\w.-]*|\d[\w.-]*)\.sql$", path):
            found.setdefault("sql", MigrationTool("sql", Place(path)))
            break
    return tuple(found.values())


def _configs(project: Project) -> list[tuple[str, tuple[Place, str, Place | None]]]:
    """(migration folder, (place, url, place of the url)) of each configuration; ``%(here)s`` is its own folder."""
    found: list[tuple[str, tuple[Place, str, Place | None]]] = []
    for path, file in sorted(project.files.items()):
        name = path.rpartition("/")[2]
        if name.endswith(".ini") and "script_location" in file.text:
            values = ini_table(file.text).data.get("alembic", {})
            header = "[alembic]"
        elif name == "pyproject.toml" and "[tool.alembic" in file.text:
            values = section(toml_table(file.text).data, "tool", "alembic")
            header = "[tool.alembic"
        else:
            continue
        location = values.get("script_location", "")
        if not isinstance(location, str) or not location:
            continue
        url = values.get("sqlalchemy.url", "")
        url = url if isinstance(url, str) else ""
        place = Place(path, line_of(file.text, header))
        url_place = Place(path, line_of(file.text, "sqlalchemy.url")) if url else None
        found.append((_folder(project, path, location), (place, url, url_place)))
    return found


def _folder(project: Project, config: str, location: str) -> str:
    """The migration folder; ``package:folder`` is looked up by its tail."""
    here = posixpath.dirname(config)
    location = re.sub(r"%\(here\)s/?|\$\{here\}/?", "", location)
    if ":" in location:
        tail = location.replace(".", "/").replace(":", "/") + "/env.py"
        matches = sorted((p for p in project.files if p == tail or p.endswith("/" + tail)),
                         key=lambda p: (p.count("/"), p))
        return posixpath.dirname(matches[0]) if matches else ""
    folder = posixpath.normpath(posixpath.join(here, location))
    return "" if folder.startswith(("..", "/")) or folder == "." else folder


def _revisions(project: Project, folder: str) -> list[Revision]:
    found = []
    for path, file in sorted(project.files.items()):
        if not path.startswith(f"{folder}/") or not path.endswith(".py"):
            continue
        match = _REVISION.search(file.text)
        down = _DOWN.search(file.text)
        if match and down:
            line = file.text.count("\n", 0, match.start()) + 1
            found.append(Revision(match[1], tuple(re.findall(r"[\"']([^\"']+)[\"']", down[1])), Place(path, line)))
    return found
