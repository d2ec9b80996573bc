"""SEC031: paths of files that callers name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.formatting import pieces
from readybook.facts.nodes import nodes
from readybook.facts.origins import Origins
from readybook.facts.scopes import Origin, Scope, argument_of, parameter_of, scope_of
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import EnsureImport, ReplaceExpression
from readybook.patterns import regex
from readybook.place import Place

READS = frozenset({"open", "io.open", "aiofiles.open", "anyio.open_file", "codecs.open", "os.open", "tarfile.open",
                   "zipfile.ZipFile", "starlette.responses.FileResponse", "fastapi.responses.FileResponse",
                   "pandas.read_csv", "pandas.read_excel", "numpy.load", "PIL.Image.open", "cv2.imread"})
CHANGES = frozenset({"os.remove", "os.unlink", "os.rename", "os.replace", "os.makedirs", "os.mkdir", "shutil.copy",
                     "shutil.copyfile", "shutil.copy2", "shutil.move", "shutil.copytree", "os.truncate", "os.chmod",
                     "aiofiles.os.remove", "aiofiles.os.unlink", "aiofiles.os.makedirs", "aiofiles.os.rename",
                     "os.symlink", "os.link"})
FOLDERS = frozenset({"shutil.rmtree", "os.listdir", "os.scandir", "os.rmdir", "os.walk", "os.removedirs"})
TWO = frozenset({"os.rename", "os.replace", "shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.move",
                 "shutil.copytree", "os.symlink", "os.link"})
METHODS = {"open": "read", "read_text": "read", "read_bytes": "read", "write_text": "change", "write_bytes": "change",
           "unlink": "change", "mkdir": "change", "touch": "change", "rename": "change", "replace": "change",
           "rmdir": "folder", "iterdir": "folder", "rglob": "read", "glob": "read"}
PATHS = regex(r"(?:pathlib|anyio|aiopath)\.\w*Path\.(\w+)")
CLEANING = regex(r"(?i)(?:^|_)(?:secure|safe|sanit|clean|slug|basename|valid|check|ensure|normalize_file|uuid)")
METHOD = regex(r"starlette\.requests\.\w+\.method\.")
SPLITTING = frozenset({"split", "rsplit", "partition", "rpartition", "splitext"})
PLAIN = "\"../\" in it leaves the folder"
# what leaves a path as it is
WHOLE = regex(r"(?:.*\.)?(?:Path|str|abspath|realpath|normpath|expanduser|resolve|strip)")
GLUED = "after the letters before it \"../\" leaves the folder on Windows, or where a folder of that name exists"
TITLE = "Take the last part of the name only"
INSIDE = "Resolve the path and refuse what is not inside its folder"


class PathTraversal(Check):
    """A caller names the file that is opened, and with ".." in the name reaches files outside of its folder.

    Looked at: the paths that ``open``, ``pathlib``, ``os``, ``shutil``, ``aiofiles`` and ``FileResponse`` are given,
    followed through joins, names and calls. A part that comes from a request, the name of an upload included, is a
    finding. A part of the address without a slash (``/logo/{name}``) is none, except where folders are listed or
    removed; one glued to other letters of its segment (``f"{digest}_{name}"``) is medium. ``Path(x).name``, a name
    checked against a list, and a path tested to be inside its folder are right.

    Fix: ``Path(name).name``, which drops every folder; a path of several parts must be resolved and tested.
    """

    id = "SEC031"
    name = "path-traversal"
    category = "security"
    severity = "high"
    hours = Hours(0.5, 1, 2, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://cwe.mitre.org/data/definitions/22.html",
                  "https://docs.python.org/3/library/pathlib.html#pathlib.PurePath.is_relative_to")

    def find(self, project: Project) -> Iterator[Answer]:
        """One finding for each name of a caller and function, a Right for each path that callers cannot bend."""
        origins, found = project.facts.origins, False
        told: set[tuple[int, str]] = set()
        for call in project.facts.behaviour.matching(_takes_path):
            for kind, node in _paths(call):
                answer = _answer(origins, call, kind, node, told)
                if answer is not None:
                    found = True
                    yield answer
        if not found:
            yield NotApplicable("no path of a file is seen to come from a request")


def _takes_path(path: str) -> bool:
    return path in READS or path in CHANGES or path in FOLDERS or PATHS.fullmatch(path) is not None


def _paths(call: Call) -> Iterator[tuple[str, Node]]:
    """(read, change or folder; expression) of each path that a call works on."""
    arguments = call.site.node[4]
    match = PATHS.fullmatch(call.path)
    if match and match[1] in METHODS and call.site.node[3][0] == "attr":
        yield METHODS[match[1]], call.site.node[3][3]
        if match[1] in ("rename", "replace") and arguments:
            yield "change", arguments[0]
        return
    groups = (("read", READS), ("change", CHANGES), ("folder", FOLDERS))
    kind = next((k for k, group in groups if call.path in group), "")
    if not kind:
        return
    named = next((v for k, v in call.site.node[5] if k in ("path", "file", "filename", "src", "name", "fp")
                  and not (k == "filename" and call.last != "open")), None)
    if arguments and arguments[0][0] != "star":
        yield kind, arguments[0]
    elif named is not None:
        yield kind, named
    if call.path in TWO and len(arguments) > 1:
        yield kind, arguments[1]


def clean(node: Node, path: str) -> bool:
    """What leaves no folder in a name: its last part, its ending, what a function of a telling name gives back."""
    if node[0] == "attr":
        return node[4] in ("name", "stem", "suffix") and node[3][0] == "call" or (
            node[4] == "method" and unparse(node[3]).rpartition(".")[2] == "request") or contents(node, path)
    called = unparse(node[3]).rpartition(".")[2]
    if METHOD.match(path):
        return True  # of the request: GET or another word
    if called == "replace" and node[4] and node[4][0][0] == "const" and node[4][0][3] in (".", "..", "/", "\\"):
        return True  # without dots, or without slashes, no part of it names another folder
    return contents(node, path) or called in SPLITTING or path == "re.sub" or CLEANING.search(called) is not None


def contents(node: Node, path: str) -> bool:
    """What a file holds, which is no path."""
    if node[0] == "attr":
        return bool(node[4] == "file")
    return unparse(node[3]).rpartition(".")[2] in ("read", "BytesIO", "StringIO", "SpooledTemporaryFile")


def _answer(origins: Origins, call: Call, kind: str, node: Node, told: set[tuple[int, str]]) -> Answer | None:
    found = origins.of(call, node, clean)
    given = [o for o in found if o.kind == "request" and (kind == "folder" or not o.segment)
             and not _uploaded(origins, o, call, node)]
    if not given:
        if any(o.kind == "checked" for o in found):
            return Right(call.place, "the path is looked at before")
        if any(o.kind == "request" for o in found):
            return Right(call.place, "a part of the address without a slash stays in the folder")
        touched = [o for o in origins.of(call, node, contents) if o.kind == "request"]
        return Right(call.place, "only the last part of the caller's name is used") if touched else None
    origin = given[0]
    key = (id(call.site.function.node) if call.site.function is not None else 0, origin.what)
    if key in told:
        return None
    told.add(key)
    glued = kind != "folder" and _glued(origins, node, scope_of(call)) and not _makes_folders(call)
    return _finding(origins, call, kind, node, origin, glued)


def _makes_folders(call: Call) -> bool:
    """Whether the function makes the folders that a path names, so that any of them exists."""
    body = call.site.function.node if call.site.function is not None else ()
    return any(n[0] == "call" and n[3][-1] in ("makedirs", "mkdir") and
               ("dirname(" in (text := unparse(n)) or ".parent" in text) for n in nodes(body))


def _glued(origins: Origins, node: Node, scope: Scope, depth: int = 0) -> bool:
    """Whether every part that a caller chooses follows letters of the same segment: ``f"{digest}_{name}"``.

    ``..`` then is the end of another name, and the path leads on only where a folder of that name exists.
    """
    function = scope.function
    handed = origins.callers.get(id(function.original.node), ()) if function is not None and node[0] == "name" and (
        parameter_of(node[3], scope) is not None and not scope.bindings.bound(node[3], node)) else ()
    if depth < 4 and handed and function is not None:
        arguments = [(argument_of(c, function, node[3], shift), scope_of(c)) for c, shift in handed[:20]]
        return all(a is None or _glued(origins, a, outer, depth + 1) for a, outer in arguments)
    if depth < 4 and node[0] == "bin" and node[3] == "Div":
        return _glued(origins, node[4], scope, depth + 1) and _glued(origins, node[5], scope, depth + 1)
    values = scope.bindings.bound(node[3], node) if node[0] == "name" and parameter_of(node[3], scope) is None else []
    if depth < 4 and values:
        return all(_glued(origins, value, scope, depth + 1) for value in values)
    before = ""
    for piece in pieces(node, scope):
        if isinstance(piece, str):
            before = piece
        elif any(o.kind == "request" and not o.segment for o in origins.traced(piece.node, piece.scope, clean)):
            if before[-1:] in ("", "/", "\\", "\n"):
                return False
        else:
            before = "…"
    return True




def _uploaded(origins: Origins, origin: Origin, call: Call, node: Node) -> bool:
    """Whether a parameter of a handler is the contents of an upload, ``image: bytes = File()``, or an open one.

    The name of an ``UploadFile`` is a caller's; the object itself is read as a file.
    """
    functions = [e.function for e in origins.entries.values() if e.function.module.path == origin.place.path]
    written = [unparse(p[1]).removeprefix("Annotated[") for f in functions for p in f.params
               if p[0] == origin.what and p[1] is not None]
    if any(w.startswith("bytes") for w in written):
        return True
    return any(w.rpartition(".")[2].startswith("UploadFile") for w in written) and origin in origins.of(
        call, node, lambda n, path: n[0] == "attr" and n[4] == "filename" or clean(n, path))


def _whole(node: Node, scope: Scope, what: str) -> bool:
    """Whether the caller gives the path as a whole, with no folder before it."""
    for _ in range(6):
        if node[0] == "call" and WHOLE.fullmatch(unparse(node[3])) and len(node[4]) < 2 and not node[5]:
            node = node[4][0] if node[4] else node[3][3] if node[3][0] == "attr" else node[3]
        elif node[0] == "name" and parameter_of(node[3], scope) is None and len(
                values := scope.bindings.bound(node[3], node)) == 1:
            node = values[0]
        else:
            break
    return unparse(node) == what and not (node[0] == "name" and scope.bindings.bound(node[3], node))


def _finding(origins: Origins, call: Call, kind: str, node: Node, origin: Origin, glued: bool) -> Finding:
    does = {"read": "reads", "change": "writes or removes", "folder": "lists or removes"}[kind]
    if call.last == "open" and any(isinstance(a, str) and a[:1] in ("w", "a", "x") for a in call.args[1:2]):
        does = "writes"
    way = f", through {len(origin.chain)} call{'s' if len(origin.chain) > 1 else ''}," if origin.chain else ""
    part, effect = "part of the path", GLUED if glued else PLAIN
    if not origin.chain and _whole(node, scope_of(call), origin.what):
        part, effect = "the path", "it may be any that the service may reach"
    return Finding(
        call.place, f"{origin.what}{way} is {part} that {call.path}() {does}, and a caller of the API "
        f"chooses it: {effect}.", "medium" if glued else "high", fix=_fix(origins, call, origin),
        chain=(*origin.chain, origin.place)[:6],
    )


def _fix(origins: Origins, call: Call, origin: Origin) -> Fix:
    function = call.site.function
    entry = origins.entries.get(id(function.original.node)) if function is not None else None
    route = entry.route.path if entry is not None and entry.route is not None else ""
    if f"{{{origin.what}:path}}" in route:
        return advice(INSIDE, f"{origin.what} may have folders: target = (BASE / {origin.what}).resolve(), then 404 "
                      "unless target.is_relative_to(BASE)")
    if origin.chain or function is None or re.fullmatch(r"[\w.]+", origin.what) is None or _in_text(call, origin.place):
        return advice(TITLE, "the name comes through other functions: Path(name).name belongs where it comes in")
    optional = ' or ""' if origin.what.endswith(".filename") else ""
    intents = (EnsureImport(call.place.path, "pathlib", "Path"),
               ReplaceExpression(origin.place, origin.what, f"Path({origin.what}{optional}).name"))
    return Fix(TITLE, intents, safety="review", reason="callers that send folders in the name now reach the file of "
               "that name in the folder itself")


def _in_text(call: Call, place: Place) -> bool:
    """Whether a place is in an f-string written with quotes that the new expression would need."""
    line = call.site.module.text.split("\n")[place.line - 1]
    return "f'" in line and "f\"" in line


API = "from fastapi import FastAPI, UploadFile\n"
PathTraversal.examples = (
    Bad(
        {"main.py": "import os\n\n" + API + "\napp = FastAPI()\n\n\n@app.post(\"/files\")\n"
         "async def store(file: UploadFile) -> None:\n    path = os.path.join(\"uploads\", file.filename)\n"
         "    with open(path, \"wb\") as out:\n        out.write(await file.read())\n"},
        at=("main.py:11",), severity="high",
        fixed={"main.py": "import os\nfrom pathlib import Path\n\n" + API
               + "\napp = FastAPI()\n\n\n@app.post(\"/files\")\nasync def store(file: UploadFile) -> None:\n"
               "    path = os.path.join(\"uploads\", Path(file.filename or \"\").name)\n"
               "    with open(path, \"wb\") as out:\n        out.write(await file.read())\n"},
    ),
    Bad(  # pathlib, a query, and the same name three times: one finding
        {"main.py": "from pathlib import Path\n\nfrom fastapi import FastAPI\n"
         "from fastapi.responses import FileResponse\n\napp = FastAPI()\nBASE = Path(\"reports\")\n\n\n"
         "@app.get(\"/report\")\ndef report(name: str) -> FileResponse:\n"
         "    target = BASE / f\"{name}.pdf\"\n    target.touch()\n    target.read_bytes()\n"
         "    return FileResponse(target)\n"},
        at=("main.py:13",),
        fixed={"main.py": "from pathlib import Path\n\nfrom fastapi import FastAPI\n"
               "from fastapi.responses import FileResponse\n"
               "\napp = FastAPI()\nBASE = Path(\"reports\")\n\n\n@app.get(\"/report\")\n"
               "def report(name: str) -> FileResponse:\n"
               "    target = BASE / f\"{Path(name).name}.pdf\"\n    target.touch()\n    target.read_bytes()\n"
               "    return FileResponse(target)\n"},
    ),
    Bad(  # an address with slashes, a helper two modules away, a folder that is removed
        {"store.py": "import shutil as sh\n\n\ndef drop(folder):\n    sh.rmtree(\"/data/\" + folder)\n",
         "main.py": "from store import drop\n" + API + "\napp = FastAPI()\n\n\n@app.delete(\"/x/{folder}\")\n"
         "def remove(folder: str) -> None:\n    drop(folder)\n\n\n@app.get(\"/y/{path:path}\")\n"
         "def read(path: str) -> str:\n    return open(f\"static/{path}\").read()\n"},
        at=("main.py:14", "store.py:5"),
    ),
    Good(  # a part without a slash, the last part only, an id of our own, a list, a test that it is inside
        {"main.py": "import os\nimport uuid\nfrom pathlib import Path\nfrom fastapi import HTTPException\n" + API
         + "\napp = FastAPI()\nBASE = Path(\"static\").resolve()\n\n\n@app.post(\"/logo/{name}\")\n"
         "async def store(name: str, kind: str, path: str, number: int, file: UploadFile) -> None:\n"
         "    open(f\"logos/{name}.png\").close()\n    open(f\"logos/{number}.png\").close()\n"
         "    (BASE / Path(file.filename or \"\").name).write_bytes(b\"\")\n"
         "    open(os.path.join(\"up\", os.path.basename(file.filename))).close()\n"
         "    ending = file.filename.split(\".\")[-1]\n    open(f\"up/{uuid.uuid4()}.{ending}\").close()\n"
         "    if kind not in (\"a\", \"b\"):\n        raise HTTPException(404)\n    open(f\"kinds/{kind}\").close()\n"
         "    target = (BASE / path).resolve()\n    if not target.is_relative_to(BASE):\n"
         "        raise HTTPException(404)\n    target.read_text()\n"},
    ),
    Good(  # each part is one of a list, or the request ends
        {"main.py": "import os\n\n" + API + "\napp = FastAPI()\n\n\n@app.post(\"/mix\")\n"
         "def mix(wanted: str) -> None:\n    parts = [p.strip() for p in wanted.split(\"+\")]\n"
         "    known = os.listdir(\"voices\")\n    for part in parts:\n        if part not in known:\n"
         "            raise ValueError(part)\n    open(os.path.join(\"mixed\", \"+\".join(parts)), \"wb\").close()\n"},
        outcome="not_applicable"),
    Bad(  # it goes on with the next one, and is among them all the same
        {"main.py": "import os\n\n" + API + "\napp = FastAPI()\n\n\n@app.post(\"/mix\")\n"
         "def mix(wanted: str) -> None:\n    parts = wanted.replace(\"+\", \" \")\n"
         "    known = os.listdir(\"voices\")\n    for part in parts:\n        if part not in known:\n"
         "            continue\n    open(os.path.join(\"mixed\", parts), \"wb\").close()\n"}, at=("main.py:15",)),
    Bad(  # letters before it make ".." the end of another folder's name, unless that folder is made
        {"main.py": "import os\nfrom pathlib import Path\n" + API + "\napp = FastAPI()\nBASE = Path(\"up\")\n\n\n"
         "@app.post(\"/a\")\ndef a(file: UploadFile) -> None:\n    name = f\"a_{file.filename}\"\n"
         "    path = BASE / name\n    path.write_bytes(b\"\")\n\n\ndef load(name: str) -> str:\n"
         "    return (BASE / name).read_text()\n\n\n@app.get(\"/b\")\ndef b(run: str) -> str:\n"
         "    return load(f\"metrics_{run}.json\")\n"},
        at=("main.py:13", "main.py:17"), severity="medium",
    ),
    Bad(
        {"main.py": "import os\n" + API + "\napp = FastAPI()\n\n\n"
         "@app.post(\"/a\")\ndef a(file: UploadFile) -> None:\n    path = f\"up/a_{file.filename}\"\n"
         "    os.makedirs(os.path.dirname(path), exist_ok=True)\n    open(path, \"wb\").close()\n"},
        at=("main.py:11",), severity="high",
    ),
    Good(  # who is signed in was set by a middleware, not by who calls
        {"main.py": "from fastapi import FastAPI, Request\n\napp = FastAPI()\n\n\n@app.post(\"/a\")\n"
         "def a(request: Request) -> None:\n    user = request.user.object\n    open(f\"{user.uuid}.webm\").close()\n"
         "    open(f\"{request.state.folder}/x\").close()\n"},
        outcome="not_applicable",
    ),
    Good(  # files of the project itself
        {"main.py": API + "\napp = FastAPI()\nTEXT = open(\"text.txt\").read()\n\n\n@app.get(\"/\")\n"
         "def index(q: str) -> str:\n    return q + open(\"text.txt\").read()\n"}, outcome="not_applicable"),
    Good(  # the contents of an upload are no path
        {"main.py": "import io\n\nfrom PIL import Image\n" + API + "\napp = FastAPI()\n\n\n@app.post(\"/i\")\n"
         "async def size(file: UploadFile) -> None:\n    Image.open(file.file)\n"
         "    Image.open(io.BytesIO(await file.read()))\n"}, outcome="not_applicable"),
    Good({"main.py": "from files import safe_path\n" + API + "\napp = FastAPI()\n\n\n@app.get(\"/f\")\n"
          "def index(name: str) -> str:\n    return open(safe_path(name)).read()\n"}, outcome="not_applicable"),
    Good(  # no dots are left; a validator of the model turns others away
        {"main.py": "from pathlib import Path\n" + API + "from pydantic import BaseModel, field_validator\n\n\n"
         "class Choice(BaseModel):\n    locale: str\n\n    @field_validator(\"locale\")\n    @classmethod\n"
         "    def known(cls, value: str) -> str:\n        if value not in (\"de\", \"en\"):\n"
         "            raise ValueError(value)\n        return value\n\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/t\")\ndef texts(body: Choice, ending: str) -> str:\n"
         "    ending = ending.replace(\".\", \"\")\n    Path(f\"/data/original.{ending}\").unlink()\n"
         "    return Path(f\"/data/{body.locale}.json\").read_text()\n"}),
    Good(  # one of many is looked up by it, a member is asked for, a function gives back listed names, an open upload
        {"main.py": "from pathlib import Path\n\nimport pandas as pd\n"
         "from fastapi import FastAPI, HTTPException, Query, UploadFile\n\napp = FastAPI()\nUSERS = {\"ann\": 1}\n"
         "ROOT = Path(\"/data\")\nLANGUAGES = [\"de\", \"en\"]\n\n\n@app.get(\"/notes\")\n"
         "def notes(user: str) -> str:\n    found = USERS.get(user)\n    if found is None:\n"
         "        raise HTTPException(404)\n    return (ROOT / user / \"notes.md\").read_text()\n\n\n"
         "@app.get(\"/face\")\ndef face(user: str, faces: list = Query()) -> bytes:\n"
         "    one = next(filter(lambda f: f == user, USERS), None)\n    if one is None:\n"
         "        raise HTTPException(404)\n    return (ROOT / user / \"face.png\").read_bytes()\n\n\n"
         "def chosen(lang: str) -> str:\n    if lang in LANGUAGES:\n        return lang\n    return \"en\"\n\n\n"
         "@app.get(\"/texts\")\ndef texts(lang: str) -> str:\n"
         "    return (ROOT / f\"{chosen(lang)}.json\").read_text()\n\n\n"
         "@app.post(\"/table\")\ndef table(file: UploadFile) -> int:\n    return len(pd.read_excel(file))\n"}),
    Bad(  # looked for in a cache that holds whatever was asked for, and the name of an upload, through a call
        {"main.py": "from pathlib import Path\n\nfrom fastapi import FastAPI, UploadFile\n\napp = FastAPI()\n"
         "cache = {}\n\n\n@app.get(\"/notes\")\ndef notes(user: str) -> str:\n    found = cache.get(user)\n"
         "    if not found:\n        return Path(f\"/data/{user}.md\").read_text()\n    return found\n\n\n"
         "def save(upload) -> None:\n    Path(f\"/data/{upload.filename}\").write_bytes(upload.file.read())\n\n\n"
         "@app.post(\"/table\")\ndef table(file: UploadFile) -> None:\n    save(file)\n"},
        at=("main.py:13", "main.py:18"), severity="high"),
    Good(  # bytes are no name
        {"main.py": "import shutil\nfrom pathlib import Path\n\nfrom fastapi import FastAPI, File\n\n"
         "app = FastAPI()\n\n\n"
         "def keep(data: bytes | Path) -> None:\n    if isinstance(data, Path):\n"
         "        shutil.copy2(data, \"/data/image\")\n\n\n@app.post(\"/image\")\n"
         "def image(image: bytes = File()) -> None:\n    keep(image)\n"}),
    Good(  # how far it lies inside is compared; a type of its own turns slashes away; the method has none
        {"main.py": "import os\nfrom pathlib import Path\nfrom typing import Annotated\n\n"
         "from fastapi import FastAPI, HTTPException, Request\nfrom fastapi.responses import FileResponse\n"
         "from pydantic import AfterValidator, BaseModel\n\napp = FastAPI()\nROOT = Path(\"static\")\n\n\n"
         "def plain(value: str) -> str:\n    if \"/\" in value:\n        raise ValueError(value)\n"
         "    return value\n\n\n"
         "Name = Annotated[str, AfterValidator(plain)]\n\n\nclass Shop(BaseModel):\n    name: Name\n\n\n"
         "@app.get(\"/static/{path:path}\")\ndef static(path: str) -> FileResponse:\n"
         "    target = os.path.normpath(ROOT / path)\n    shared = Path(os.path.commonpath([ROOT, target]))\n"
         "    if shared != ROOT:\n        raise HTTPException(404)\n    return FileResponse(target)\n\n\n"
         "@app.post(\"/shops\")\ndef make(shop: Shop) -> None:\n    os.makedirs(os.path.join(\"shops\", shop.name))\n"
         "\n\n@app.post(\"/log\")\ndef log(request: Request) -> None:\n    method = request.method\n"
         "    open(f\"logs/{method.lower()}.txt\", \"w\").close()\n"}),
    Bad(  # a type that only takes blanks away
        {"main.py": "import os\nfrom typing import Annotated\n\nfrom fastapi import FastAPI\n"
         "from pydantic import AfterValidator, BaseModel\n\napp = FastAPI()\n\n\n"
         "def neat(value: str) -> str:\n    return value.strip()\n\n\n"
         "Name = Annotated[str, AfterValidator(neat)]\n\n\n"
         "class Shop(BaseModel):\n    name: Name\n\n\n@app.post(\"/shops\")\ndef make(shop: Shop) -> None:\n"
         "    os.makedirs(os.path.join(\"shops\", shop.name))\n"}, at=("main.py:23",), severity="high"),
)
