"""Which files of the target an image needs beside its packages."""

from __future__ import annotations

import posixpath
import re

from readybook.facts import Facts
from readybook.facts.modules import Module
from readybook.facts.program import App
from readybook.patterns import regex
from readybook.project import Project
from readybook.records import record

CODE = frozenset({"application", "vendored", "generated"})
NEVER = regex(r"\.|(?:__pycache__|node_modules|venv|env|tests?|docs?|dist|build|htmlcov)$|.*\.(?:md|lock|pyc|db"
              r"|sqlite3?|log|pem|key)$|Dockerfile|Makefile|LICENSE|pyproject\.toml|requirements[^/]*\.txt")
SAFE = regex(r"[\w.@+/-]+")


@record
class Code:
    """The files of one service: COPY instructions, the working directory in the image and an import path, if any."""

    text: str
    workdir: str
    import_path: str


def module_of(facts: Facts, app: App) -> Module | None:
    """The module that the application's import string names."""
    name = app.imported.partition(":")[0]
    found = [m for m in facts.modules.by_path.values() if m.name == name]
    return max(found, key=lambda m: len(posixpath.commonprefix([m.path, app.place.path])), default=None)


def named_from_above(facts: Facts, root: str) -> bool:
    """Whether code of an import root imports by that folder's own name, as where it is started from the one above."""
    name = posixpath.basename(root)
    modules = [m for m in facts.modules.by_path.values() if m.root == root and m.role in CODE]
    if not name or any(m.path.startswith((f"{root}/{name}/", f"{root}/{name}.py")) for m in modules):
        return False
    called = re.compile(rf"^(?:from|import)[ \t]+{re.escape(name)}\.\w", re.M)
    return any(called.search(m.text) for m in modules)


def code(project: Project, context: str, root: str) -> Code | str:
    """What to copy so that code of the import root ``root`` runs in an image built in ``context``; or why not."""
    packages, loose = set[str](), set[str]()
    for module in project.facts.modules.by_path.values():
        if module.root == root and module.role in CODE:
            top = module.path[len(root) + 1 if root else 0:]
            (packages if "/" in top else loose).add(posixpath.join(root, top.partition("/")[0]))
    if not packages | loose:
        return "from which folder the application is imported is not in the code"
    wanted = packages | loose | _data(project, context, root) | _migrations(project, context)
    inside = sorted(p[len(context) + 1:] if context else p for p in wanted)
    unsafe = [p for p in inside if not SAFE.fullmatch(p)]
    if unsafe:
        return f"{unsafe[0]!r} cannot be named in a Dockerfile"
    files = [p for p in inside if posixpath.join(context, p) in project.present]
    folders = [p for p in inside if p not in files and not any(p.startswith(o + "/") for o in inside)]
    lines = [f"COPY {p} {p}" for p in folders]
    for folder in dict.fromkeys(posixpath.dirname(p) for p in files if not any(p.startswith(o + "/") for o in folders)):
        here = " ".join(p for p in files if posixpath.dirname(p) == folder)
        lines.append(f"COPY {here} ./{folder}{'/' if folder else ''}")
    below = posixpath.relpath(root or ".", context or ".")
    source = posixpath.basename(root) == "src"
    inner = "" if below == "." else f"/app/{below}"
    return Code("\n".join(lines), "" if source else inner, inner if source else "")


def _data(project: Project, context: str, root: str) -> set[str]:
    """Files and folders beside the code whose name the code holds in quotes."""
    text = "\n".join(m.text for m in project.facts.modules.by_path.values() if m.role == "application")
    quoted = set(re.findall(r"[\"'](?:\./)?([\w.-]+)/?(?:/[^\"'\n]*)?[\"']", text))
    found = set()
    for base in dict.fromkeys((context, root)):
        prefix = f"{base}/" if base else ""
        for top in {p[len(prefix):].partition("/")[0] for p in project.present if p.startswith(prefix)}:
            whole = posixpath.join(base, top)
            if top in quoted and not NEVER.match(top) and not top.endswith(".py") and not _is_code(project, whole):
                found.add(whole)
    return found


def _is_code(project: Project, folder: str) -> bool:
    """Whether a folder holds Python of its own, which is copied for itself or is not the application's."""
    return any(p.startswith(folder + "/") for p in project.facts.modules.by_path)


def _migrations(project: Project, context: str) -> set[str]:
    """Alembic's configuration and folder, where both lie in the context."""
    found = set()
    prefix = f"{context}/" if context else ""
    for environment in project.facts.alembic:
        config = environment.config.path if environment.config else ""
        if config.endswith(".ini") and config.startswith(prefix) and environment.folder.startswith(prefix):
            found |= {config, environment.folder}
    return {p for p in found if p and p.rstrip("/") != context}
