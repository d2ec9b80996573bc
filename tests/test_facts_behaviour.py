"""What calls what, what serves a request, and what runs in the event loop."""

from __future__ import annotations

from readybook import Project
from readybook.facts.blocking import blocking
from readybook.facts.reach import Reaching, first_reached

FILES = {
    "app/__init__.py": "",
    "app/main.py": """
from fastapi import Depends, FastAPI
from starlette.middleware.base import BaseHTTPMiddleware
from app.service import Service, quick
from app.deps import session

app = FastAPI()


class Timing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        quick()
        return await call_next(request)


app.add_middleware(Timing)


@app.get("/a")
async def a(service: Service = Depends(Service), db=Depends(session)) -> str:
    return await service.fetch(1)


@app.get("/b")
def b() -> str:
    quick()
    return "b"


@app.exception_handler(ValueError)
async def refused(request, error):
    quick()
""",
    "app/service.py": """
import time
import requests


def quick():
    time.sleep(1)


class Service:
    def __init__(self) -> None:
        self.client = requests.Session()

    async def fetch(self, number: int) -> str:
        return self.read(number)

    def read(self, number: int) -> str:
        for _ in range(3):
            self.client.get("https://a.example")
        return str(number)

    async def never_awaited(self) -> None:
        quick()
""",
    "app/deps.py": """
def session():
    yield 1
""",
}


def facts(files: dict[str, str] = FILES):
    return Project.from_files(files).facts


def test_every_entry_is_named_once_with_where_it_runs():
    found = {(e.kind, e.name.rpartition(".")[2], e.in_loop) for e in facts().behaviour.entries}
    assert found == {("handler", "a", True), ("handler", "b", False), ("dependency", "__init__", False),
                     ("dependency", "session", False), ("middleware", "dispatch", True),
                     ("exception handler", "refused", True)}


def test_calls_are_followed_through_methods_attributes_and_modules():
    behaviour = facts().behaviour
    entry = next(e for e in behaviour.entries if e.name == "app.main.a")
    reached = {r.call.path: [s.function for s in r.chain] for r in Reaching(behaviour, behaviour.calls).by(entry)}
    assert reached["requests.Session.get"] == ["app.main.a", "app.service.Service.fetch"]
    assert "time.sleep" not in reached  # never_awaited is not called, and quick() not from here


def test_a_call_knows_its_place_loop_and_function():
    call = next(c for c in facts().behaviour.calls if c.path == "requests.Session.get")
    assert (call.place.path, call.place.line, call.in_loop, call.function) == (
        "app/service.py", 19, True, "app.service.Service.read")
    assert call.written == ("self.client.get", '"https://a.example"')


def test_a_coroutine_that_is_not_awaited_in_place_is_not_followed():
    files = {"main.py": "import time, asyncio\nfrom fastapi import FastAPI\napp = FastAPI()\n\n\nasync def later():\n"
             "    time.sleep(1)\n\n\n@app.get('/')\nasync def index():\n    asyncio.create_task(later())\n"}
    behaviour = facts(files).behaviour
    entry = next(e for e in behaviour.entries if e.kind == "handler")
    assert "time.sleep" not in {r.call.path for r in Reaching(behaviour, behaviour.calls).by(entry)}


def test_both_branches_of_a_test_on_an_object_are_followed():
    files = {"main.py": "import time\nfrom fastapi import FastAPI\nfrom pydantic import BaseModel\napp = FastAPI()\n"
        "\n\n"
             "class Body(BaseModel):\n    kind: str = 'a'\n    note: str | None = None\n\n\n@app.post('/')\n"
             "async def index(body: Body):\n    if body.kind == 'b':\n        time.sleep(1)\n"
             "    if body.note is None:\n"
             "        time.sleep(2)\n"}
    found = [c.place.line for c in facts(files).behaviour.calls_to("time.sleep")]
    assert found == [15, 17]


def test_blocking_names_why():
    assert blocking("requests.get").kind == "http"
    assert blocking("sqlalchemy.orm.Session.query().filter().all").kind == "database"
    assert blocking("boto3.client().put_object").kind == "network"
    assert blocking("boto3.client().meta") is None
    assert blocking("httpx.AsyncClient.get") is None
    assert blocking("asyncio.sleep") is None
    assert blocking("celery.Celery.control.inspect().active").kind == "network"
    assert blocking("celery.Celery.control.inspect") is None
    assert blocking("google.cloud.firestore.Client.collection().where().stream").kind == "database"
    assert blocking("google.cloud.firestore.Client.collection().document") is None
    assert blocking("google.cloud.firestore.AsyncClient.collection().document().get") is None


STATE = """
from contextlib import asynccontextmanager
from fastapi import FastAPI, Request
from redis import Redis


class Tokens:
    def __init__(self) -> None:
        self.redis = Redis()

    def revoked(self, token: str) -> bool:
        return self.redis.get(token) is not None


@asynccontextmanager
async def lifespan(app: FastAPI):
    yield {"tokens": Tokens()}

app = FastAPI(lifespan=lifespan)


@app.get("/")
async def index(request: Request, token: str) -> bool:
    tokens: Tokens = request.state.tokens
    name: str = request.state.name
    return tokens.revoked(token) or name.upper() == "A"
"""


def test_what_a_request_carries_is_known_by_the_annotation_of_the_name_that_takes_it():
    behaviour = Project.from_files({"main.py": STATE}).facts.behaviour
    (entry,) = [e for e in behaviour.entries if e.kind == "handler"]
    reached = [r.call.path for r in Reaching(behaviour, behaviour.by_last["get"]).by(entry)]
    assert reached == ["redis.Redis.get"]
    assert "starlette.requests.Request.state.name.upper" in behaviour.by_path  # a plain type tells nothing new


FIELD = """import requests
from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()


class Use(BaseModel):
    weight: float | None = Field(None, gt=0)
    length: float | None = Field(default=None)


@app.put("/use")
def use(body: Use) -> str:
    if body.weight is not None:
        return requests.get("http://weights.example").text
    return requests.post("http://lengths.example").text if body.length is not None else ""
"""


def test_the_default_of_a_models_field_says_nothing_of_what_a_request_sends():
    assert {"requests.get", "requests.post"} <= set(Project.from_files({"main.py": FIELD}).facts.behaviour.by_path)


SWITCH = """import time
import requests
from fastapi import FastAPI

app = FastAPI()


class Store:
    def __init__(self, slow=False, *, quiet: bool = True) -> None:
        if slow:
            time.sleep(1)
        if not quiet:
            requests.get("http://tell.example")


@app.get("/a")
def a() -> None:
    Store()


@app.get("/b")
def b() -> None:
    Store(quiet=True)


def nightly() -> None:
    Store(slow=True)
"""


def test_what_no_request_switches_on_is_not_reached():
    def reached(text: str) -> list[str]:
        behaviour = Project.from_files({"main.py": text}).facts.behaviour
        calls = [c for c in behaviour.calls if c.path in ("time.sleep", "requests.get")]
        return sorted(r.call.path for r in first_reached(behaviour, calls).values())

    assert reached(SWITCH) == []
    assert reached(SWITCH.replace("Store(quiet=True)", "Store(quiet=False)")) == ["requests.get"]
    assert reached(SWITCH.replace("Store(quiet=True)", "Store(bool(app))")) == ["time.sleep"]
    assert reached(SWITCH.replace("Store(quiet=True)", "Store(**app.extra)")) == ["requests.get", "time.sleep"]
