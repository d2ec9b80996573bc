"""From a fresh clone to a running command: makes ``.venv`` with the locked packages, then hands over to it.

    python3 lib/bootstrap.py audit [TARGET]     the report of one codebase in out/<name>/
    python3 lib/bootstrap.py test [PYTEST …]    all tests: the workbook's, its notebooks' and its samples'
    python3 lib/bootstrap.py lab [JUPYTER …]    JupyterLab with the notebooks
    python3 lib/bootstrap.py run FILE …         a program of this repository, in the environment

Standard library only. It starts on any Python 3 and finds one that the workbook supports. Nothing outside the
repository's folder is written (but for the package installer's own cache), and nothing needs root.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
MARK = VENV / ".ready"
LOCK = ROOT / ".venv.lock"
RECIPE = ("environment.yml", "constraints.txt", "pyproject.toml")
LAYOUT = "2"  # raise it when build() changes what it makes
OLDEST = (3, 11)
NAMES = ("python3.13", "python3.12", "python3.11", "python3.14", "python3", "python")


def say(text):
    """Progress is for people: stderr."""
    print(text, file=sys.stderr, flush=True)


def probe(python):
    """(real path, (major, minor)) of an interpreter, None when it does not start (a version manager's shim may not)."""
    code = "import sys, os; print(os.path.realpath(sys.executable)); print(*sys.version_info[:2])"
    try:
        run = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = run.stdout.decode(errors="replace").splitlines()
    return (lines[0], tuple(int(n) for n in lines[1].split())) if run.returncode == 0 and len(lines) == 2 else None


def find_python(wanted):
    """An interpreter to build with: the one asked for, else this one, else the first on PATH that is new enough."""
    for python in [wanted] if wanted else [sys.executable, *NAMES]:
        found = probe(python)
        if found and found[1] >= OLDEST:
            return found
    if wanted:
        sys.exit("%s is not a working Python 3.11 or newer." % wanted)
    sys.exit("Readybook needs Python 3.11 or newer and found none on PATH (this one is %d.%d).\n"
             "Install one, or name it: make test PYTHON=/path/to/python3.12" % sys.version_info[:2])


def in_venv(name):
    """The path of a program of the environment."""
    return str(VENV / ("Scripts" if os.name == "nt" else "bin") / name)


def recipe(version):
    """What the environment is made of, as one digest; the folder counts, because scripts in ``.venv`` name it."""
    digest = hashlib.sha256(("%s\n%s\n%s\n" % (LAYOUT, ROOT, version)).encode())
    for name in RECIPE:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_ready(wanted):
    """Whether ``.venv`` is what this clone asks for, built with the interpreter asked for, if one was."""
    try:
        mark = json.loads(MARK.read_text(encoding="utf-8"))
        ready = mark["recipe"] == recipe(mark["python"]) and os.path.exists(in_venv("python"))
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if ready and wanted:
        found = probe(wanted)
        return found is None or mark["python"] == "%d.%d" % found[1]
    return ready


@contextmanager
def only_one():
    """Hold the lock file: two commands started at once must not build one environment."""
    with open(LOCK, "w", encoding="utf-8") as lock:
        try:
            import fcntl
        except ImportError:  # Windows: no advisory locks in the standard library's portable part
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another command is making .venv: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def packages():
    """The pip lines of environment.yml: the items that are indented deeper than ``- pip:``."""
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    start = lines.index("  - pip:")
    return [line.strip()[2:] for line in lines[start + 1:] if line.startswith("      - ")]


def prepare(wanted):
    """Make ``.venv`` unless it is there; returns its interpreter."""
    if not is_ready(wanted):
        with only_one():
            if not is_ready(wanted):
                build(wanted)
    return in_venv("python")


def build(wanted):
    """Make ``.venv`` from nothing: an upgrade in place would keep packages that the list no longer has."""
    python, number = find_python(wanted)
    version = "%d.%d" % number
    uv = shutil.which("uv")
    tool = "uv" if uv else "pip"
    say("Making .venv with Python %s by %s. This happens once and takes a minute or two." % (version, tool))
    if VENV.exists():
        if not (VENV / "pyvenv.cfg").exists() and any(VENV.iterdir()):
            sys.exit("%s exists and is no virtual environment: move it away." % VENV)
        shutil.rmtree(str(VENV))
    if uv:
        call([uv, "venv", "--quiet", "--no-project", "--no-config", "--python", python, str(VENV)])
        install = [uv, "pip", "install", "--quiet", "--no-config", "--python", in_venv("python")]
    else:
        make_with_pip(python)
        # Byte-compiling everything takes a third of the time, and most modules are never imported.
        install = [in_venv("python"), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    call([*install, "--constraint", str(ROOT / "constraints.txt"), *packages()])
    # The build backend came with the list above, so the project itself is installed without asking for it again.
    call([*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    # The workbook's own modules are all needed, and compiling them anew would double the start of a command.
    call([in_venv("python"), "-m", "compileall", "-q", str(ROOT / "lib" / "readybook"), str(ROOT / "checks")])
    settings = VENV / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    (settings / "overrides.json").write_text(json.dumps(quiet), encoding="utf-8")
    MARK.write_text(json.dumps({"recipe": recipe(version), "python": version}), encoding="utf-8")


def make_with_pip(python):
    """An environment with pip in it; names the missing system package where the system took ensurepip apart."""
    missing = subprocess.run([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL).returncode
    if missing:
        sys.exit("%s has no ensurepip, so it cannot make an environment.\n"
                 "Install it (Debian, Ubuntu: sudo apt-get install python3-venv), install uv,\n"
                 "or name another Python: make test PYTHON=/path/to/python3.12" % python)
    call([python, "-m", "venv", str(VENV)])


def call(command):
    """Run a step of the build; its own message says what went wrong."""
    env = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"):
        env.pop(name, None)
    status = subprocess.run(command, env=env, cwd=str(ROOT)).returncode
    if status:
        sys.exit("Making .venv failed at: %s" % " ".join(command[:6]))


def audit(python, arguments):
    """The report of one target; what a person opens next is the last thing that is printed."""
    target = Path(arguments[0] if arguments else ROOT / "sample_projects" / "cypherx")
    if not target.is_dir():
        sys.exit("%s is no folder: name the codebase to audit with make audit TARGET=path" % target)
    out = ROOT / "out" / (target.resolve().name or "target")
    command = [python, "-m", "readybook", "report", str(target), "--out", str(out), *arguments[1:]]
    status = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    for name in ("report.html", "remediation.html", "01_audit.ipynb", "audit.json") if status in (0, 1) else ():
        if (out / name).exists():
            print(os.path.relpath(str(out / name)))
    return status


def test(python, arguments):
    """All tests."""
    return subprocess.run([python, str(ROOT / "tests" / "run_all.py"), *arguments], cwd=str(ROOT)).returncode


def lab(python, arguments):
    """JupyterLab on the repository, opened at the notebooks."""
    command = [python, "-m", "jupyterlab", "--ServerApp.root_dir=%s" % ROOT, "--LabApp.default_url=/lab/tree/notebooks",
               "--LabApp.extension_manager=readonly"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return subprocess.run([*command, *arguments], cwd=str(ROOT)).returncode


def run(python, arguments):
    """A program of this repository in the environment."""
    return subprocess.run([python, *arguments]).returncode


def main(arguments):
    """Parse by hand: the arguments after the command belong to the program that is handed over to."""
    commands = {"audit": audit, "test": test, "lab": lab, "run": run}
    wanted = ""
    if arguments[:1] == ["--python"] and len(arguments) > 1:
        wanted, arguments = arguments[1], arguments[2:]
    if not arguments or arguments[0] not in commands:
        say(__doc__.strip())
        return 2
    # What a command imports stays compiled beside its source: git ignores it, and the packages lie in .venv.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        return commands[arguments[0]](prepare(wanted), arguments[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
