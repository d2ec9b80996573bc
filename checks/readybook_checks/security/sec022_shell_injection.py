"""SEC022: shell commands made of text that comes from outside."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.scopes import Origin
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.values import known, truth
from readybook.finding import Answer
from readybook.intents import EnsureImport, ReplaceExpression
from readybook.project import Project

SHELLS = frozenset({"os.system", "os.popen", "asyncio.create_subprocess_shell", "subprocess.getoutput",
                    "subprocess.getstatusoutput", "asyncio.subprocess.create_subprocess_shell"})
WITH_OPTION = frozenset({"subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
                         "subprocess.Popen"})
INTERPRETERS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash", "zsh", "dash", "cmd", "powershell", "pwsh"})


class ShellInjection(Check):
    """A shell runs a command that is put together from text a caller chooses.

    Looked at: ``os.system``, ``os.popen``, ``create_subprocess_shell``, ``subprocess`` with ``shell=True`` and lists
    that start ``sh -c``. Each part of the command is followed through names, formatting and the calls that hand it on.
    Text of a request or of the network is critical. Constants, numbers, members of enums, values checked against a list
    and text quoted with ``shlex.quote`` are no injection. Text of the environment and of files is the operator's own.

    Fix: every variable part of a formatted command is quoted with ``shlex.quote``; better is a list without a shell.
    """

    id = "SEC022"
    name = "shell-injection"
    category = "security"
    severity = "critical"
    hours = Hours(0.5, 1, 2, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.python.org/3/library/subprocess.html#security-considerations",
                  "https://cwe.mitre.org/data/definitions/78.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each command that a shell runs."""
        commands = [(c, node) for c in project.facts.behaviour.calls_to(*SHELLS, *WITH_OPTION)
                    if (node := _command(c)) is not None]
        if not commands:
            yield NotApplicable("the application's code runs no shell")
            return
        origins = project.facts.origins
        for call, node in commands:
            yield _answer(call, node, origins.of(call, node))


def _command(call: Call) -> Node | None:
    """The expression of the command that a shell reads; None when the call starts no shell."""
    arguments = call.site.node[4]
    first = arguments[0] if arguments and arguments[0][0] != "star" else None
    first = next((v for k, v in call.site.node[5] if k in ("args", "cmd", "command")), first)
    if first is None:
        return None
    if call.path in SHELLS:
        return first
    if call.path in WITH_OPTION and truth(call.kwargs.get("shell", False)) is True:
        return first[3][0] if first[0] == "list" and first[3] else first
    listed = call.path in WITH_OPTION and first[0] == "list" and len(first[3]) > 2
    if listed and first[3][0][0] == "const" and first[3][0][3] in INTERPRETERS and first[3][1][0] == "const":
        return first[3][2] if first[3][1][3] in ("-c", "-lc", "/c", "-Command") else None
    return None


def _answer(call: Call, node: Node, origins: tuple[Origin, ...]) -> Answer:
    given = [o for o in origins if o.kind in ("request", "network")]
    if given:
        return _finding(call, node, given[0])
    if call.args and known(call.args[0]) and isinstance(call.args[0], str) or not origins:
        return Right(call.place, "the command is a constant, or what varies in it is harmless")
    kinds = {o.kind for o in origins}
    if kinds <= {"environment", "file", "console"}:
        return Right(call.place, "what varies in the command comes from whoever runs the service")
    unsure = next(o for o in origins if o.kind not in ("environment", "file", "console"))
    return CannotTell(f"where {unsure.what} in the command of {call.path}() comes from is not seen", call.place)


def _finding(call: Call, node: Node, origin: Origin) -> Finding:
    whose = "a caller of the API chooses" if origin.kind == "request" else "another server sends"
    way = f", through {len(origin.chain)} call{'s' if len(origin.chain) > 1 else ''}," if origin.chain else ""
    return Finding(
        call.place, f"{call.path}() hands the shell {origin.what}{way} which {whose}: with a semicolon in it, any "
        "command runs on the server.", "critical", fix=_fix(call, node), chain=(*origin.chain, origin.place)[:6],
    )


def _fix(call: Call, node: Node) -> Fix:
    """Quote what a one-line f-string or sum puts in; advice where the command takes shape elsewhere."""
    better = "Run the program with a list of arguments and no shell"
    parts = [p for p in node[3] if p[0] == "format"] if node[0] == "fstring" else []
    constants = "".join(p[3] for p in node[3] if p[0] == "const") if node[0] == "fstring" else "'"
    if not parts or "'" in constants or '"' in constants or any(p[4] is not None for p in parts):
        return advice(better, "how the command is put together does not show where one argument ends")
    if any(p[3][0] not in ("name", "attr") for p in parts):
        return advice(better, "what the command holds is computed inside its text")
    body = unparse(node)[2:-1]
    arguments = call.written[1] if call.written is not None else ""
    old = next((t for t in (f'f"{body}"', f"f'{body}'") if t in arguments), "")
    if not old or "\\" in body:
        return advice(better, "the command's text is written over several parts")
    new = old
    for part in dict.fromkeys(unparse(p[3]) for p in parts):
        new = new.replace("{" + part + "}", "{shlex.quote(" + part + ")}")
    place = call.site.module.place(node)
    return Fix("Quote what the shell must take as one word",
               (EnsureImport(call.place.path, "shlex"), ReplaceExpression(place, old, new)), safety="review",
               reason="callers that send several words, or options, in one value now send one word")


API = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
ShellInjection.examples = (
    Bad(
        {"main.py": "import subprocess\n\n" + API + "@app.get(\"/ping/{host}\")\ndef ping(host: str) -> int:\n"
         "    return subprocess.run(f\"ping -c 1 {host}\", shell=True, timeout=5).returncode\n"},
        at=("main.py:10",), severity="critical",
        fixed={"main.py": "import shlex\nimport subprocess\n\n" + API + "@app.get(\"/ping/{host}\")\n"
               "def ping(host: str) -> int:\n"
               "    return subprocess.run(f\"ping -c 1 {shlex.quote(host)}\", shell=True, timeout=5).returncode\n"},
    ),
    Bad(  # two modules away, with the module under another name, after steps in between
        {"files.py": "import os as system\n\n\ndef pack(folder: str) -> None:\n    command = \"tar czf /tmp/a.tgz \"\n"
         "    command += folder.strip()\n    system.system(command)\n",
         "main.py": "from pydantic import BaseModel\nfrom files import pack\n" + API
         + "class Job(BaseModel):\n    folder: str\n\n\n@app.post(\"/pack\")\ndef start(job: Job) -> None:\n"
         "    pack(job.folder)\n"},
        at=("files.py:7",), severity="critical",
    ),
    Bad(  # a background task, and a shell inside a list
        {"main.py": "import subprocess\nfrom fastapi import BackgroundTasks\n" + API
         + "def convert(name: str) -> None:\n"
         "    subprocess.Popen([\"bash\", \"-c\", \"convert {} out.png\".format(name)])\n\n\n"
         "@app.post(\"/convert\")\ndef start(name: str, tasks: BackgroundTasks) -> None:\n"
         "    tasks.add_task(convert, name)\n"},
        at=("main.py:9",),
    ),
    Good(  # constants, numbers, enums, values from a list, quoted text
        {"main.py": "import os\nimport shlex\nfrom enum import Enum\nfrom fastapi import HTTPException\n" + API
         + "class Size(Enum):\n    small = \"s\"\n\n\n@app.get(\"/\")\n"
         "def run(count: int, size: Size, kind: str, name: str) -> None:\n"
         "    if kind not in (\"a\", \"b\"):\n        raise HTTPException(422)\n"
         "    os.system(f\"make -j{count} {size.value} {kind} {shlex.quote(name)}\")\n    os.system(\"ls\")\n"},
    ),
    Good(  # a list without a shell: the text is one argument, whatever it holds
        {"main.py": "import subprocess\n" + API + "@app.get(\"/\")\ndef run(name: str) -> None:\n"
         "    subprocess.run([\"ls\", name], check=True)\n"},
        outcome="not_applicable",
    ),
    Good(  # nobody in the code says what it is
        {"tool.py": "import os\n\n\ndef run(command: str) -> None:\n    os.system(command)\n"}, outcome="unknown",
    ),
    Good(  # the operator's own settings
        {"main.py": "import os\n\nos.system(\"chown app \" + os.environ[\"DATA_DIR\"])\n"},
    ),
)
