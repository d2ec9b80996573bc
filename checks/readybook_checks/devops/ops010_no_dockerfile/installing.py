"""How an image gets a project's packages: by the tool the project uses, into /opt/venv."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from readybook.facts import Facts
from readybook.facts.requirementtexts import Requirement
from readybook.project import Project
from readybook.records import record

VENV = "RUN python -m venv /opt/venv\nWORKDIR /build\n"
# tools live beside the environment, so that they are no part of what is copied
TOOL = ("RUN python -m venv /opt/venv && python -m venv /opt/tool && /opt/tool/bin/pip install --no-cache-dir {tool}\n"
        "WORKDIR /build\n")
UV = TOOL.format(tool='"uv>=0.5,<1"')
# Debian packages that distributions need: (to build them, to run them); what has wheels needs nothing to build
NATIVE: dict[str, tuple[str, str]] = {
    "psycopg2": ("gcc libpq-dev", "libpq5"), "psycopg[c]": ("gcc libpq-dev", "libpq5"), "psycopg": ("", "libpq5"),
    "mysqlclient": ("gcc pkg-config default-libmysqlclient-dev", "libmariadb3"), "python-magic": ("", "libmagic1"),
    "weasyprint": ("", "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"), "pyodbc": ("", "unixodbc"),
    "opencv-python": ("", "libgl1 libglib2.0-0"), "pdf2image": ("", "poppler-utils"),
    "pytesseract": ("", "tesseract-ocr"), "pydub": ("", "ffmpeg"), "ffmpeg-python": ("", "ffmpeg"),
    "python-ldap": ("gcc libldap2-dev libsasl2-dev", "libldap-2.5-0 libsasl2-2"),
}


@record
class Installation:
    """How packages are installed: ``context`` the folder of build, ``text`` the instructions of the first stage.

    ``tool`` names what installs; ``locked`` says that the versions are those of a lock file.
    """

    context: str
    tool: str
    text: str
    locked: bool


def installation(project: Project, root: str) -> Installation | str:
    """How the code in the import root ``root`` gets its packages, or why that cannot be told."""
    folder = root
    while True:
        found = _in_folder(project, folder)
        if found is not None:
            return found
        if not folder:
            return "no file lists the packages that the service needs"
        folder = posixpath.dirname(folder)


def _in_folder(project: Project, folder: str) -> Installation | str | None:
    facts, here = project.facts, set(project.present)
    def path(name: str) -> str:
        return posixpath.join(folder, name)

    styles = {r.style for r in facts.requirements if posixpath.dirname(r.place.path) == folder and r.group == "main"}
    if path("uv.lock") in here and path("pyproject.toml") in here:
        return Installation(folder, "uv", UV + "COPY pyproject.toml uv.lock ./\nRUN UV_PROJECT_ENVIRONMENT=/opt/venv "
                            "/opt/tool/bin/uv sync --frozen --no-dev --no-install-project --no-cache", True)
    if path("poetry.lock") in here or "poetry" in styles:
        return _poetry(folder, path("poetry.lock") in here)
    if path("pdm.lock") in here:
        return Installation(folder, "pdm", TOOL.format(tool='"pdm>=2.10,<3"') + "COPY pyproject.toml pdm.lock ./\nRUN "
                            "/opt/tool/bin/pdm export --prod -f requirements -o requirements.txt \\\n"
                            "    && /opt/venv/bin/pip install --no-cache-dir -r requirements.txt", True)
    if path("Pipfile.lock") in here:
        return Installation(folder, "pipenv", TOOL.format(tool="pipenv") + "COPY Pipfile Pipfile.lock ./\nRUN "
                            "/opt/tool/bin/pipenv requirements > requirements.txt \\\n"
                            "    && /opt/venv/bin/pip install --no-cache-dir -r requirements.txt", True)
    listed = requirements_file(facts, folder)
    if listed:
        return _pip(project, folder, listed)
    if "pep621" in styles:
        text = ("COPY pyproject.toml ./\n# the packages alone: the code is copied as it is\n"
                "RUN /opt/tool/bin/uv pip install --python /opt/venv/bin/python --no-cache -r pyproject.toml")
        return Installation(folder, "uv pip", UV + text, False)
    if styles or path("Pipfile") in here:
        return ("the packages are listed for conda, in a setup.py or in a Pipfile without its lock: "
                "export them to a requirements.txt first")
    return None


def _poetry(folder: str, locked: bool) -> Installation:
    files = "pyproject.toml poetry.lock" if locked else "pyproject.toml"
    return Installation(folder, "poetry", TOOL.format(tool='"poetry>=1.8,<3"') + f"COPY {files} ./\nRUN "
                        "VIRTUAL_ENV=/opt/venv /opt/tool/bin/poetry install --only main --no-root --no-interaction "
                        "--no-cache", locked)


def requirements_file(facts: Facts, folder: str) -> str:
    """The requirements file that names FastAPI for production, in a folder or its ``requirements/``; empty for none."""
    files: dict[str, bool] = {}
    for lock in facts.packages.locks:
        if lock.tool == "requirements" and any(e.name == "fastapi" for e in lock.entries):
            files[lock.path] = True
    for wanted in facts.requirements:
        if wanted.style == "requirements" and wanted.name == "fastapi" and not wanted.constraint:
            files.setdefault(wanted.place.path, False)
    inside = [p for p in files if posixpath.dirname(p) in (folder, posixpath.join(folder, "requirements"))]
    main = [p for p in inside if not re.search(r"(?i)dev|test|lint|docs?|local|ci\b|constraint", posixpath.basename(p))]
    return min(main, key=lambda p: (not files[p], p.count("/"), posixpath.basename(p) != "requirements.txt", p),
               default="")


def _pip(project: Project, folder: str, listed: str) -> Installation | str:
    paths = list(dict.fromkeys(_with_included(project, listed, set())))
    inside = [posixpath.relpath(p, folder or ".") for p in paths]
    if any(p.startswith("..") for p in inside):
        return f"{listed} includes a file outside {folder}"
    for path in paths:
        local = re.search(r"(?m)^[ \t]*(?:-e[ \t]|--editable|\.{1,2}/|file:)", project.text(path))
        if local:
            return f"{path} installs a package from a folder of the repository"
    copies = "".join(f"COPY {' '.join(p for p in inside if posixpath.dirname(p) == d)} ./{d}{'/' if d else ''}\n"
                     for d in dict.fromkeys(posixpath.dirname(p) for p in inside))
    locked = any(k.path == listed for k in project.facts.packages.locks)
    return Installation(folder, "pip", VENV + copies + "RUN /opt/venv/bin/pip install --no-cache-dir -r "
                        f"{posixpath.relpath(listed, folder or '.')}", locked)


def _with_included(project: Project, path: str, seen: set[str]) -> Iterator[str]:
    """A requirements file and those that it includes by -r and -c."""
    if path in seen or path not in project.files:
        return
    seen.add(path)
    yield path
    for match in re.finditer(r"(?m)^[ \t]*(?:-r|-c|--requirement|--constraint)[ \t=]*([^\s#]+)", project.text(path)):
        yield from _with_included(project, posixpath.normpath(posixpath.join(posixpath.dirname(path), match[1])), seen)


def debian_packages(facts: Facts, context: str) -> tuple[str, str]:
    """Debian packages of the building and of the running stage, by blank."""
    build, run = set(), set()
    for wanted in facts.requirements:
        if wanted.group != "main" or not wanted.place.path.startswith(f"{context}/" if context else ""):
            continue
        needs = NATIVE.get(_native_key(wanted), ("", ""))
        build |= set(needs[0].split())
        run |= set(needs[1].split())
        if wanted.direct.startswith("git"):
            build.add("git")
    return " ".join(sorted(build)), " ".join(sorted(run))


def _native_key(wanted: Requirement) -> str:
    if wanted.name == "psycopg":
        return "" if "binary" in wanted.extras else "psycopg[c]" if "c" in wanted.extras else "psycopg"
    return wanted.name
