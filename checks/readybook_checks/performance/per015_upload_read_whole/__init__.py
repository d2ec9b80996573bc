"""PER015: uploads that are read into memory whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.awaiting import names_in
from readybook.facts.behaviour import Call, Reached, functions_behind
from readybook.facts.bodylimits import body_limits, named_size
from readybook.facts.objects import FunctionValue
from readybook.facts.program import App
from readybook.facts.reach import first_reached
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.usage import is_node, statements
from readybook.facts.values import by_default
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureImport, EnsureSetting, ReplaceExpression
from readybook.patterns import regex
from readybook_checks.devops.health_router import import_name

READ = regex(r"(?:fastapi(?:\.datastructures)?|starlette\.datastructures)\.UploadFile\.(?:file\.)?read")
# what looks at the size before the file is read
BEFORE = regex(r"(?i)content[-_]length|\.size\b|\.tell\(\)|SEEK_END|\bseek\(0, *2\)")
LIMIT = regex(r"(?!.*\w\()[\w. *()]{1,200}")  # a product of names and numbers, no call
TITLE = "Read it in pieces, up to a size from the settings"
TEMPLATE = "uploads.py.tmpl"
DEFAULT = 10 * 1024 * 1024


class UploadReadWhole(Check):
    """An upload is read into memory whole: a few large files at once end the process.

    Looked at: ``await upload.read()`` and ``upload.file.read()`` without a size (also ``read(-1)``) in the code that
    requests run. Starlette keeps large files on disk until then; the read makes one piece of memory of each. Reads with
    a size, code that looks at ``upload.size``, Content-Length or the end of the file before, and applications whose
    bodies are limited as a whole are right.

    Fix: where the code checks the length after, the read ends one byte above that limit; else a module reads or copies
    an upload in pieces and answers 413 above a size from the settings.
    """

    id = "PER015"
    name = "upload-read-whole"
    category = "performance"
    severity = "medium"
    hours = Hours(0.25, 1, 2, each=0.25)
    fix_kinds = ("scaffold", "codemod", "advice")
    after = ("SEC010",)  # a limit on every body leaves nothing to do here
    references = ("https://fastapi.tiangolo.com/tutorial/request-files/#uploadfile",
                  "https://cwe.mitre.org/data/definitions/770.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each read of an upload that a request reaches."""
        behaviour = project.facts.behaviour
        reads = behaviour.matching(READ.fullmatch)
        reached = first_reached(behaviour, reads)
        apps = {a.spec: a for a in project.facts.apps}
        limits = {spec: next((x.what for x in body_limits(project.facts, a)), "") for spec, a in apps.items()
                  } if reached else {}
        found = False
        for call in reads:
            way = reached.get(id(call))
            if way is not None:
                found = True
                app = apps.get(way.entry.route.app) if way.entry.route is not None else None
                yield _answer(project, call, way, app, limits)
        if not found:
            yield NotApplicable("no request reads an upload")


def _answer(project: Project, call: Call, way: Reached, app: App | None, limits: dict[str, str]) -> Answer:
    size = by_default(call.args[0] if call.args else call.kwargs.get("size", -1))
    if not (isinstance(size, int) and size < 0) and size is not None:
        return Right(call.place, "it is read in pieces")
    if app is not None and limits.get(app.spec):
        return Right(call.place, f"{limits[app.spec]} limits it", app.spec)
    functions = [way.entry.function, *(s.call.site.function for s in way.chain), call.site.function]
    own = [f.original for f in functions if f is not None]
    called = [g.original for f in own for c in project.facts.behaviour.calls_in(f)
              for g in functions_behind(c.site.callee) if g.module.role == "application"]
    if any(_looks(f, call) for f in (*own, *called)):
        return Right(call.place, "its size is looked at before")
    after = " (which is checked only then)" if _checked_after(call) else ""
    return Finding(
        call.place, f"{unparse(call.site.node)} in {call.function.rpartition('.')[2]}() reads the whole file into "
        f"memory, whatever its size{after}: a few large ones at once end the process.",
        chain=tuple(s.place for s in way.chain),
        app=app.spec if app is not None else None, fix=_fix(project, call, app))


def _looks(function: FunctionValue, call: Call) -> bool:
    """Whether a function looks at the size of an upload, at a line before the read where it is the one that reads."""
    text = function.module.text.split("\n")
    node = function.original.node
    last = call.place.line - 1 if node[1] <= call.place.line <= node[3] and (
        function.module.path == call.place.path) else node[3]
    return any(BEFORE.search(line) for line in text[node[1] - 1 : last])


def _checked_after(call: Call) -> str:
    """The limit of ``if len(data) > LIMIT`` where ``data`` is what the call reads; empty when there is none."""
    function = call.site.function
    body = list(statements(function.original.node[6])) if function is not None else []
    read = next((s for s in body if s[0] == "assign" and s[4][0][0] == "name" and (
        s[5] is call.site.node or s[5][0] == "await" and s[5][3] is call.site.node)), None)
    for s in body if read is not None else ():
        test = s[4] if s[0] == "if" else None
        if test is None or test[0] != "cmp" or unparse(test[3]) != f"len({read[4][0][3]})" or s[1] <= read[1]:
            continue
        operator, limit = test[4][0]
        local = {t[3] for x in body if x[0] == "assign" and read[1] <= x[1] for t in x[4] if t[0] == "name"}
        if operator in ("Gt", "GtE") and LIMIT.fullmatch(unparse(limit)) and not names_in(limit) & local:
            return unparse(limit)
    return ""


def _fix(project: Project, call: Call, app: App | None) -> Fix:
    limit, old = _checked_after(call), call.site.module.source(call.site.node)
    if limit and old is not None and not call.args and not call.kwargs:
        bytes_ = f"{limit} + 1" if re.fullmatch(r"[\d_ *]+", limit) else f"int({limit}) + 1"
        change = ReplaceExpression(call.place, old, f"{unparse(call.site.node[3])}({bytes_})")
        return Fix("Read no more than one byte over the limit that is checked after it", (change,), safety="safe",
                   reason="the check that follows refuses the same files as before")
    if app is None or not settings_at_hand(project.facts):
        return advice(TITLE, "settings are handed from function to function: a person says how they come here")
    folder = app.place.path.rpartition("/")[0]
    path = f"{folder}/uploads.py" if folder else "uploads.py"
    text = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    module = import_name(project, app, path, call.place.path)
    taken = path in project.present or path in project.files and project.text(path) != text
    upload = call.site.node[3][3]
    if not call.awaited and not taken and module:
        return advice("Read it in pieces, and answer 413 above a size from the settings",
                      "it is read without await: how the code gets it in pieces is for a person to write")
    written = call.site.module.source(call.site.node)
    if not module or taken or folder and f"{folder}/uploads/__init__.py" in project.files:
        return advice(TITLE, f"{path} is taken, or no import could name it from {call.place.path}")
    if written is None or upload[0] not in ("name", "attr") or not call.awaited:
        return advice(TITLE, "the read is not one that an edit could find")
    most = max(DEFAULT, named_size(project.facts))
    setting = EnsureSetting("max_upload_size", "int", f"{most:_}", "MAX_UPLOAD_SIZE", example=str(most),
                            meaning="bytes that an uploaded file may have")
    copied = _copied(call)
    name = "copy_upload" if copied is not None else "read_upload"
    if copied is not None:
        old, target = call.site.module.source(copied[0]), unparse(copied[1])
        if old is None:
            return advice(TITLE, "the write is not one that an edit could find")
        change = ReplaceExpression(call.site.module.place(copied[0]), old,
                                   f"await copy_upload({unparse(upload)}, {target}, {{setting:max_upload_size}})")
    else:
        read = f"read_upload({unparse(upload)}, {{setting:max_upload_size}})"
        change = ReplaceExpression(call.place, written, read)
    return Fix(TITLE, (setting, AddFile(path, text), EnsureImport(call.place.path, module, name), change),
               ("scaffold", "codemod"), "review",
               f"files of more than {most:,} bytes get 413: raise the setting where they are right")


def _copied(call: Call) -> tuple[Node, Node] | None:
    """``file.write(await upload.read())`` as a statement, where ``file`` is opened by ``with open``; and the file."""
    function = call.site.function
    todo = [function.original.node[6]] if function is not None else []
    files_open: set[str] = set()
    while todo:
        part = todo.pop(0)
        if is_node(part) and part[0] == "with" and not part[6]:
            files_open |= {t[3] for e, t in part[4] if t is not None and t[0] == "name" and e[0] == "call" and (
                e[3][0] == "name" and e[3][3] == "open" or e[3][0] == "attr" and e[3][4] == "open")}
        if is_node(part) and part[0] == "expr" and part[4][0] == "call":
            node = part[4]
            if node[3][0] == "attr" and node[3][4] == "write" and node[3][3][0] == "name" and len(node[4]) == 1 and (
                node[4][0][0] == "await" and node[4][0][3] is call.site.node and node[3][3][3] in files_open
            ):
                return node, node[3][3]
        todo += [p for p in part if isinstance(p, tuple)]
    return None


CONF = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    name: str = \"shop\"\n{0}"
        "\n\nsettings = Settings()\n")
HEAD = "from fastapi import FastAPI, UploadFile\n{0}\napp = FastAPI()\n"
ROUTE = "\n\n@app.post(\"/photos\")\nasync def photo(file: UploadFile) -> int:\n{0}"
WHOLE = "    data = await file.read()\n    return len(data)\n"
COPY = "    with open(\"photo\", \"wb\") as out:\n        out.write(await file.read())\n    return 1\n"
TEXT = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
FIELD = "    max_upload_size: int = 10_485_760\n"
USED = "\nfrom conf import settings\nfrom uploads import {0}\n"
UploadReadWhole.examples = (
    Bad({"conf.py": CONF.format(""), "main.py": HEAD.format("") + ROUTE.format(WHOLE)}, at=("main.py:8",),
        severity="medium",
        fixed={"uploads.py": TEXT, "conf.py": CONF.format(FIELD),
               "main.py": HEAD.format(USED.format("read_upload"))
               + ROUTE.format(WHOLE.replace("file.read()", "read_upload(file, settings.max_upload_size)"))}),
    Bad({"conf.py": CONF.format(""), "main.py": HEAD.format("") + ROUTE.format(COPY)}, at=("main.py:9",),
        fixed={"uploads.py": TEXT, "conf.py": CONF.format(FIELD),
               "main.py": HEAD.format(USED.format("copy_upload")) + ROUTE.format(COPY.replace(
                   "out.write(await file.read())", "await copy_upload(file, out, settings.max_upload_size)"))}),
    Bad(  # checked when it is too late
        {"main.py": HEAD.format("") + "MOST = 5_000\n" + ROUTE.format(WHOLE.replace(
            "    return", "    if len(data) > MOST * 1024:\n        return 0\n    return"))}, at=("main.py:9",),
        fixed={"main.py": HEAD.format("") + "MOST = 5_000\n" + ROUTE.format(WHOLE.replace(
            "    return", "    if len(data) > MOST * 1024:\n        return 0\n    return").replace(
                "read()", "read(int(MOST * 1024) + 1)"))}),
    Bad(  # in a function of another module, with an alias and a size that is none
        {"main.py": "import fastapi as f\n\nfrom store import keep\n\napp = f.FastAPI()\n\n\n@app.post(\"/photos\")\n"
         "async def photo(file: f.UploadFile = f.File(...)) -> None:\n    await keep(file)\n",
         "store.py": "from fastapi import UploadFile\n\n\nasync def keep(upload: UploadFile) -> bytes:\n"
         "    return await upload.read(-1)\n"}, at=("store.py:5",)),
    Bad(  # the file behind it, in a plain function; the text of it is all in memory too
        {"main.py": HEAD.format("") + ROUTE.format("    return len(file.file.read().decode())\n"
                                                   ).replace("async ", "")},
        at=("main.py:8",), severity="medium"),
    Bad(
        {"main.py": HEAD.format("") + ROUTE.format(
            "    data = file.file.read()\n    if len(data) > 5000:\n        return 0\n    return len(data)\n")},
        at=("main.py:8",),
        fixed={"main.py": HEAD.format("") + ROUTE.format("    data = file.file.read(5000 + 1)\n    if len(data) > 5000"
                                                         ":\n        return 0\n    return len(data)\n")}),
    Good({"main.py": HEAD.format("") + ROUTE.format("    return len(file.file.read(5_000))\n")}),
    Good({"main.py": HEAD.format("") + ROUTE.format(
        "    file.file.seek(0, 2)\n    if file.file.tell() > 5000:\n        return 0\n    file.file.seek(0)\n"
        "    return len(file.file.read())\n")}),
    Good({"main.py": HEAD.format("") + ROUTE.format("    n = 0\n    while piece := await file.read(65536):\n"
                                                    "        n += len(piece)\n    return n\n")}),
    Good({"main.py": HEAD.format("") + ROUTE.format("    if file.size is None or file.size > 1000:\n        return 0\n"
                                                    + WHOLE)}),
    Good(  # the application limits all bodies
        {"main.py": HEAD.format("").replace("FastAPI()", "FastAPI(max_body_size=1_000_000)") + ROUTE.format(WHOLE),
         "requirements.txt": "fastapi==0.165.0\n"}),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\ndef home() -> str:\n"
          "    return open(\"a\").read()\n"}, outcome="not_applicable"),
)
