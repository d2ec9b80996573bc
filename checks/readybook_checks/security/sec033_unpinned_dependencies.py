"""SEC033: dependencies whose version is whatever the day of the installation brings."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.facts.lockfiles import LockFile
from readybook.facts.requirementtexts import Requirement
from readybook.finding import Answer

FRAMEWORKS = frozenset({"fastapi", "starlette"})
COMMANDS = {
    "poetry": "poetry lock", "pdm": "pdm lock", "uv": "uv lock", "pipfile": "pipenv lock",
    "hatch": "uv lock", "conda": "conda-lock -f {path}", "pep621": "uv lock", "dependency-groups": "uv lock",
    "setup.cfg": "pip-compile --generate-hashes {path}", "setup.py": "pip-compile --generate-hashes {path}",
    "requirements": "pip-compile --generate-hashes --output-file {lock} {path}",
}
PUBLISHING = ("twine upload", "pypa/gh-action-pypi-publish", "poetry publish", "uv publish", "flit publish",
              "hatch publish", "pdm publish")


class UnpinnedDependencies(Check):
    """Dependencies have no lock file and no upper bound: two installations of one commit run different code.

    Looked at: the files that declare what the service runs on (those that name FastAPI or Starlette, and what they
    include), and the lock files beside or above them. A dependency is bounded by ``==``, ``~=``, ``<`` or a reference
    to a commit. A lock file settles the question for the files it covers; development groups are left out, and so are
    packages that are published for others to install: a library must not pin.

    Fix: advice with the command that writes the lock file of the tool this project uses. What the lock shall hold is
    known to the package index only.
    """

    id = "SEC033"
    name = "unpinned-dependencies"
    category = "security"
    severity = "medium"
    hours = Hours(0.5, 1, 2)
    fix_kinds = ("advice",)
    references = ("https://pip.pypa.io/en/stable/topics/repeatable-installs/", "https://docs.astral.sh/uv/concepts/projects/sync/")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each file that declares the service's dependencies."""
        files = declaring(project)
        if not files:
            yield NotApplicable("no file declares the dependencies of a FastAPI service")
            return
        if published(project):
            yield NotApplicable("CI publishes this package: what others install must leave versions open")
            return
        for path, requirements in sorted(files.items()):
            lock = covering(project, path)
            loose = [r for r in requirements if not r.bounded]
            if lock is not None:
                yield Right(Place(lock.path), f"{lock.path} locks {len(lock.entries)} packages")
            elif loose and (pinned := pinned_beside(project, path, requirements)):
                yield Right(Place(pinned), f"{pinned} pins what {path} names, and what that needs")
            elif loose:
                yield _finding(path, requirements, loose)
            else:
                yield Right(requirements[0].place, "each dependency has an upper bound")


def declaring(project: Project) -> dict[str, list[Requirement]]:
    """The files of the service's own dependencies with what each declares for production."""
    facts = project.facts
    main = [r for r in facts.requirements if r.group == "main" and not r.constraint
            and facts.role(r.place.path) not in ("test", "example", "vendored")]
    files: dict[str, list[Requirement]] = {}
    for requirement in main:
        files.setdefault(requirement.place.path, []).append(requirement)
    return {p: rs for p, rs in files.items() if any(r.name in FRAMEWORKS for r in rs)}


def covering(project: Project, path: str) -> LockFile | None:
    """The lock file that an installation from ``path`` uses: in its folder or above it, or compiled from it."""
    folder = path.rpartition("/")[0]
    for lock in project.facts.packages.locks:
        own = lock.path.rpartition("/")[0]
        names = {e.name for e in lock.entries}
        if lock.tool == "requirements":
            if lock.path == path or (own == folder and FRAMEWORKS & names and path.endswith((".in", ".toml"))):
                return lock
        elif FRAMEWORKS & names and (not own or own == folder or folder.startswith(own + "/")):
            if path.endswith((".toml", "Pipfile")):
                return lock
    return None


def pinned_beside(project: Project, path: str, requirements: list[Requirement]) -> str:
    """The other requirements file of the folder that has (nearly all of) these and more, each by ``==``; or empty."""
    beside: dict[str, list[Requirement]] = {}
    for r in project.facts.requirements:
        other = r.place.path
        if other != path and other.endswith(".txt") and other.rpartition("/")[0] == path.rpartition("/")[0]:
            beside.setdefault(other, []).append(r)
    wanted = {r.name for r in requirements}
    few = len(wanted) // 10  # some are for another system
    return next((other for other, rs in beside.items() if len(rs) > len(wanted)
                 and len(wanted - {r.name for r in rs}) <= few and all(r.exact for r in rs)), "")


def published(project: Project) -> bool:
    """Whether a CI step uploads the project as a package."""
    return any(word in f"{step.uses} {step.run}" for workflow in project.facts.workflows if workflow.active
               for step in workflow.steps for word in PUBLISHING)


def _finding(path: str, requirements: list[Requirement], loose: list[Requirement]) -> Finding:
    names = ", ".join(r.name for r in loose[:6]) + (f" and {len(loose) - 6} more" if len(loose) > 6 else "")
    few = len(loose) == 1
    return Finding(
        loose[0].place, f"{len(loose)} of the {len(requirements)} dependencies in {path} {'has' if few else 'have'} no "
        f"upper bound and no lock file stands beside it ({names}): the next build may bring a release that nobody "
        "tested, or one that an attacker published.",
        severity="medium" if len(loose) * 2 >= len(requirements) else "low",
        evidence="\n".join(f"{r.name}{r.specifier}" for r in loose[:12]), fix=_fix(path, loose[0].style),
    )


def _fix(path: str, style: str) -> Fix:
    stem = path.rpartition(".")[0]
    command = COMMANDS.get(style, "uv lock").format(path=path, lock=f"{stem}.lock.txt")
    return advice(f"Write a lock file with `{command}`, commit it, and install from it in the image and in CI",
                  "which versions fit together is known to the package index, and an audit does not ask it")


APP = {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}
PYPROJECT = "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"fastapi>=0.115\", \"httpx\"]\n"
UV = ("version = 1\n\n[[package]]\nname = \"fastapi\"\nversion = \"0.115.0\"\n\n"
      "[[package]]\nname = \"httpx\"\nversion = \"0.27.0\"\n")
UnpinnedDependencies.examples = (
    Bad({**APP, "requirements.txt": "fastapi\nuvicorn[standard]\nhttpx>=0.27\n"}, at=("requirements.txt:1",),
        severity="medium"),
    Bad({**APP, "pyproject.toml": PYPROJECT}, at=("pyproject.toml:4",)),
    Bad(  # most are pinned, one is not: low; the development file is nobody's production
        {**APP, "requirements.txt": "fastapi==0.115.0\nuvicorn==0.30.0\nhttpx\n", "requirements-dev.txt": "pytest\n"},
        at=("requirements.txt:3",), severity="low"),
    Bad(  # a lock of another folder covers nothing here
        {"api/main.py": APP["main.py"], "api/pyproject.toml": PYPROJECT, "worker/uv.lock": UV},
        at=("api/pyproject.toml:4",)),
    Good({**APP, "requirements.txt": "fastapi==0.115.0\nuvicorn~=0.30.0\nhttpx>=0.27,<1\n"}),
    Good({**APP, "pyproject.toml": PYPROJECT, "uv.lock": UV}),
    Good({**APP, "backend/pyproject.toml": PYPROJECT, "uv.lock": UV}),  # a workspace locks once, at its root
    Good({**APP, "requirements.in": "fastapi\n", "requirements.txt":
          "# This file is autogenerated by pip-compile\nfastapi==0.115.0\nstarlette==0.38.0\n"}),
    Good({**APP, "requirements.plain.txt": "fastapi\n", "requirements.txt": "fastapi==0.115.0\nstarlette==0.38.0\n"}),
    Good({**APP, "pyproject.toml": PYPROJECT, ".github/workflows/release.yml":
          "on: push\njobs:\n  release:\n    runs-on: ubuntu-latest\n    steps:\n      - run: uv publish\n"},
         outcome="not_applicable"),
    Good({"tool.py": "print(1)\n", "requirements.txt": "requests\n"}, outcome="not_applicable"),
    Good({**APP, "pyproject.toml": PYPROJECT,  # what rye writes
          "requirements.lock": "# generated by rye\n-e file:.\nfastapi==0.115.0\nhttpx==0.27.0\n"}),
)
