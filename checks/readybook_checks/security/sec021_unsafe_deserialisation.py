"""SEC021: bytes or text from outside that become code."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.objects import ClassValue
from readybook.facts.origins import Origins
from readybook.facts.scopes import Origin
from readybook.facts.values import External, by_default, known
from readybook.finding import Answer
from readybook.intents import EnsureImport, ReplaceExpression, SetKeyword
from readybook.project import Project

PICKLES = frozenset({
    "pickle.loads", "pickle.load", "cPickle.loads", "cPickle.load", "dill.loads", "dill.load", "cloudpickle.loads",
    "cloudpickle.load", "joblib.load", "marshal.loads", "marshal.load", "jsonpickle.decode", "jsonpickle.loads",
    "pickle.Unpickler", "pandas.read_pickle", "shelve.open", "_pickle.loads", "_pickle.load", "_pickle.Unpickler",
})
EVALUATORS = frozenset({"eval", "exec", "builtins.eval", "builtins.exec"})
YAML = frozenset({"yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all"})
RUAMEL = frozenset({"ruamel.yaml.YAML", "ruamel.yaml.main.YAML"})
SAFE_LOADERS = frozenset({"SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader", "FullLoader", "CFullLoader"})


class UnsafeDeserialisation(Check):
    """What comes from outside is unpickled or evaluated, which lets its sender run code on the server.

    Looked at: ``pickle`` and what is built on it, ``eval`` and ``exec``, and ``yaml.load`` with a loader that builds
    any Python object. The data is followed through names and calls to where it comes from. Data of a request or of
    another server is critical. Constants are no defect, nor are files that the project itself ships or writes: those
    and other sources that the code does not show are said to be unknown.

    Fix: ``yaml.safe_load`` and ``ast.literal_eval`` where they are enough; a data format such as JSON otherwise.
    """

    id = "SEC021"
    name = "unsafe-deserialisation"
    category = "security"
    severity = "critical"
    hours = Hours(0.5, 1, 3, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.python.org/3/library/pickle.html", "https://cwe.mitre.org/data/definitions/502.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each call that turns data into objects or code."""
        calls = [c for c in project.facts.behaviour.calls_to(*RUAMEL, *PICKLES, *EVALUATORS, *YAML) if _loads(c)]
        if not calls:
            yield NotApplicable("the application's code unpickles and evaluates nothing")
            return
        origins = project.facts.origins
        for call in calls:
            yield _answer(call, origins)


def _loads(call: Call) -> bool:
    if call.path in RUAMEL:
        return by_default(call.kwargs.get("typ", call.args[0] if call.args else None)) in ("unsafe", ["unsafe"])
    return call.path in PICKLES or call.path in EVALUATORS or call.path in YAML


def _answer(call: Call, origins: Origins) -> Answer:
    if call.path in RUAMEL:
        fix = Fix("Load plain data only", (SetKeyword(call.place, call.last, "typ", '"safe"'),), safety="review",
                  reason="documents with tags that build Python objects are refused") if "typ" in call.kwargs else (
            advice('Use YAML(typ="safe")', "the kind is written without its name"))
        return Finding(call.place, f"{call.path}() builds any Python object that a document names: whoever can write "
                       "one runs code here.", "medium", fix=fix)
    if call.path in YAML and not call.path.startswith("yaml.unsafe"):
        loader = call.args[1] if len(call.args) > 1 else call.kwargs.get("Loader")
        if isinstance(loader, External) and loader.path.rpartition(".")[2] in SAFE_LOADERS:
            return Right(call.place, "the loader builds plain data only")
        if loader is None:
            return Right(call.place, "PyYAML 6 refuses to load without a loader, PyYAML 5.1 to 5.4 builds plain data")
        unsafe = isinstance(loader, External) and loader.path.startswith("yaml.") or (
            isinstance(loader, ClassValue) and loader.is_a("yaml.Loader", "yaml.UnsafeLoader", "yaml.CLoader"))
        if not unsafe:
            return CannotTell(f"which loader {call.path}() uses is not known", call.place)
    constant = bool(call.args) and known(call.args[0]) and isinstance(call.args[0], str | bytes)
    if constant and call.path not in YAML:
        return Right(call.place, "what is loaded is a constant")
    node = call.site.node[4][0] if call.site.node[4] else next((v for _, v in call.site.node[5]), None)
    found = origins.of(call, node)
    given = next((o for o in found if o.kind in ("request", "network")), None)
    if given is not None:
        return _finding(call, given)
    if call.path in YAML:
        return Finding(call.place, f"{call.path}() builds any Python object that a document names: whoever can write "
                       "one runs code here.", "low" if constant else "medium", confidence="medium", fix=_fix(call))
    if not found:
        return Right(call.place, "what is loaded is made of constants")
    open_ended = next((o for o in found if o.kind in ("parameter", "unbound")), None)
    if call.path in EVALUATORS and open_ended is not None:
        return Finding(call.place, f"{call.path}() evaluates {open_ended.what}, and who hands it in is not seen: its "
                       "author's code runs on the server.", "medium", confidence="low", fix=_fix(call))
    unsure = next((o for o in found if o.kind not in ("environment", "file")), found[0])
    return CannotTell(f"who can change what {call.path}() loads ({unsure.what}) is not seen", call.place)


def _finding(call: Call, origin: Origin) -> Finding:
    whose = "a caller of the API sends" if origin.kind == "request" else "another server sends"
    does = "evaluates" if call.path in EVALUATORS else "loads"
    way = f", through {len(origin.chain)} call{'s' if len(origin.chain) > 1 else ''}," if origin.chain else ""
    return Finding(
        call.place, f"{call.path}() {does} {origin.what}{way} which {whose}: the sender's code runs on the server.",
        "critical", fix=_fix(call), chain=(*origin.chain, origin.place)[:6],
    )


def _fix(call: Call) -> Fix:
    written = call.written
    place, path = call.place, call.place.path
    single = written is not None and len(call.site.node[4]) == 1 and not call.site.node[5]
    if call.path in YAML and written is not None and "." in written[0]:
        many = "safe_load_all" if call.path.endswith("_all") else "safe_load"
        data = written[1] if single else written[1].partition(",")[0]
        new = f"{written[0].rpartition('.')[0]}.{many}({data})"
        return Fix("Load plain data only", (ReplaceExpression(place, f"{written[0]}({written[1]})", new),),
                   safety="review", reason="documents with tags that build Python objects are refused")
    if call.path == "eval" and written is not None and single:
        intents = (EnsureImport(path, "ast"),
                   ReplaceExpression(place, f"{written[0]}({written[1]})", f"ast.literal_eval({written[1]})"))
        return Fix("Read literals only", intents, safety="review",
                   reason="callers that send expressions with names or operators are refused with ValueError")
    if call.path in EVALUATORS:
        return advice("Replace the evaluation by a parser, or by a table of the operations that callers may ask for",
                      "which expressions are meant to be allowed is not in the code")
    return advice("Exchange the data as JSON and validate it with a model",
                  "both sides of the exchange change together, and stored data must be converted")


API = "from fastapi import FastAPI, Request\n\napp = FastAPI()\n\n\n"
UnsafeDeserialisation.examples = (
    Bad(
        {"main.py": API + "@app.get(\"/filter\")\ndef rows(where: str) -> list[int]:\n    return eval(where)\n"},
        at=("main.py:8",), severity="critical",
        fixed={"main.py": "import ast\n\n" + API + "@app.get(\"/filter\")\ndef rows(where: str) -> list[int]:\n"
               "    return ast.literal_eval(where)\n"},
    ),
    Bad(  # the body, in another module, under another name
        {"store.py": "from pickle import loads as restore\n\n\ndef read(raw: bytes) -> object:\n    data = raw\n"
         "    return restore(data)\n",
         "main.py": "from store import read\n" + API
         + "@app.post(\"/state\")\nasync def put(request: Request) -> None:\n"
         "    body = await request.body()\n    read(body)\n"},
        at=("store.py:6",), severity="critical",
    ),
    Bad(  # a loader that builds any object, on an upload
        {"main.py": "import yaml\nfrom fastapi import UploadFile\n" + API + "@app.post(\"/config\")\n"
         "async def put(file: UploadFile) -> None:\n    yaml.load(await file.read(), Loader=yaml.UnsafeLoader)\n"},
        at=("main.py:10",),
        fixed={"main.py": "import yaml\nfrom fastapi import UploadFile\n" + API + "@app.post(\"/config\")\n"
               "async def put(file: UploadFile) -> None:\n    yaml.safe_load(await file.read())\n"},
    ),
    Bad(  # what another server answers
        {"peer.py": "import pickle\n\nimport httpx\n\n\nasync def state() -> object:\n"
         "    async with httpx.AsyncClient() as client:\n        answer = await client.get(\"https://peer.example\")\n"
         "    return pickle.loads(answer.content)\n"},
        at=("peer.py:9",),
    ),
    Good({"main.py": "import ast\nimport json\n" + API + "@app.get(\"/\")\ndef rows(q: str) -> None:\n"
          "    json.loads(q)\n    ast.literal_eval(q)\n"}, outcome="not_applicable"),
    Good(  # safe loaders, and constants
        {"main.py": "import yaml\n" + API + "@app.post(\"/\")\nasync def put(request: Request) -> None:\n"
         "    yaml.load(await request.body(), Loader=yaml.SafeLoader)\n    eval(\"1 + 1\")\n"},
    ),
    Good(  # methods of the same name
        {"main.py": "import redis\n" + API + "cache = redis.Redis()\n\n\n@app.get(\"/\")\ndef run(q: str) -> None:\n"
         "    cache.eval(q, 0)\n"}, outcome="not_applicable",
    ),
    Good(  # a model file that the deployment brings
        {"model.py": "import pickle\n\nwith open(\"model.pkl\", \"rb\") as f:\n    MODEL = pickle.load(f)\n"},
        outcome="unknown",
    ),
)
