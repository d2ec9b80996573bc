"""What the fixes of the architecture checks generate works: applied, then run in a process of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import forked
import pytest

from readybook import registry
from readybook.edits import apply
from readybook.project import Project
from readybook.run import ask

APP = '''import logging

from fastapi import FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])


@app.get("/items/{number}")
async def item(number: int) -> int:
    logging.getLogger("shop").warning("asked")
    if number == 4:
        raise HTTPException(404, "No such item")
    if number == 5:
        raise RuntimeError("the secret cause")
    return number
'''
HANDLER = '''

@app.exception_handler(Exception)
def failed(request, error):
    from fastapi.responses import JSONResponse

    return JSONResponse({"mine": True}, 500)
'''
ASK = '''
import json, logging
from fastapi.testclient import TestClient
from main import app

records = []
keep = logging.Handler()
keep.emit = lambda record: records.append((record.getMessage(), getattr(record, "request_id", None)))
logging.getLogger().addHandler(keep)
client = TestClient(app, raise_server_exceptions=False)
answers = {}
for path in ("items/1", "items/4", "items/x", "items/5"):
    got = client.get("/" + path, headers={"Origin": "https://shop.example", "X-Request-ID": "caller-0001"})
    own = client.get("/" + path, headers={"X-Request-ID": "bad id"})
    answers[path] = [got.status_code, dict(got.headers), got.text, own.headers.get("x-request-id")]
print(json.dumps([answers, records]))
'''


def fixed(files: dict[str, str], *ids: str) -> dict[str, str]:
    """The files after the fixes of these checks, one after the other; each check is then content."""
    project = Project.from_files(files)
    for check in sorted((c for c in registry.load() if c.id in ids), key=lambda c: ids.index(c.id)):
        found = ask(check, project).findings
        assert found
        project = project.with_files(apply(project, [i for f in found if f.fix for i in f.fix.intents]))
        assert not ask(check, project).findings
    return {path: file.text for path, file in project.files.items()}


def run(folder: Path, files: dict[str, str], script: str) -> str:
    """What the script prints beside these files."""
    for path, text in files.items():
        (folder / path).write_text(text, encoding="utf-8")
    done = forked.run(["-c", script], folder, os.environ, 120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def answers(folder: Path, files: dict[str, str]) -> tuple[dict, list]:
    """Status, headers, body and own id of a 200, 404, 422 and 500; and the log records."""
    found, records = json.loads(run(folder, files, ASK))
    return found, records


@pytest.mark.parametrize("order", [("ARC009",), ("ARC009", "ARC010"), ("ARC010", "ARC009")])
def test_every_answer_carries_the_id_of_its_request(tmp_path: Path, order: tuple[str, ...]) -> None:
    found, records = answers(tmp_path, fixed({"main.py": APP}, *order))
    assert [found[p][0] for p in found] == [200, 404, 422, 500]
    for status, headers, _, own in found.values():
        assert headers["x-request-id"] == "caller-0001", status
        assert len(own) == 32 and own != "caller-0001"
    assert ("asked", "caller-0001") in [tuple(r) for r in records]


@pytest.mark.parametrize("order", [("ARC010",), ("ARC009", "ARC010"), ("ARC010", "ARC009")])
def test_unexpected_errors_keep_detail_and_headers_and_tell_no_cause(tmp_path: Path, order: tuple[str, ...]) -> None:
    found, records = answers(tmp_path, fixed({"main.py": APP}, *order))
    status, headers, text, _ = found["items/5"]
    body = json.loads(text)
    assert status == 500 and body["detail"] == "Internal Server Error" and "secret" not in text
    assert body["request_id"] == headers["x-request-id"]
    assert headers["access-control-allow-origin"] == "https://shop.example"
    assert any(body["request_id"] in str(message) for message, _ in records)
    assert json.loads(found["items/4"][2]) == {"detail": "No such item"}


def test_the_handler_that_an_application_has_still_answers_and_its_answer_gets_the_id(tmp_path: Path) -> None:
    found, _ = answers(tmp_path, fixed({"main.py": APP + HANDLER}, "ARC009"))
    status, headers, text, _ = found["items/5"]
    assert (status, text) == (500, '{"mine":true}') and headers["x-request-id"] == "caller-0001"


def test_a_kept_task_outlives_a_collection_and_its_error_is_logged(tmp_path: Path) -> None:
    text = ('import asyncio\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\nasync def work() -> None:\n'
            '    await asyncio.sleep(0.05)\n    raise ValueError("lost")\n\n\n@app.post("/")\n'
            'async def start() -> None:\n    asyncio.create_task(work())\n')
    script = ("import asyncio, gc, logging\nimport main\nseen = []\nkeep = logging.Handler()\n"
              "keep.emit = lambda r: seen.append((r.name, r.levelname, str(r.exc_info[1])))\n"
              "logging.getLogger().addHandler(keep)\n"
              "async def run():\n    await main.start()\n    held = len(main._background_tasks)\n    gc.collect()\n"
              "    await asyncio.sleep(0.3)\n    print(held, len(main._background_tasks), seen)\nasyncio.run(run())\n")
    out = run(tmp_path, fixed({"main.py": text}, "ARC001"), script)
    assert out == "1 0 [('main', 'ERROR', 'lost')]"


def test_a_task_that_never_ran_now_runs(tmp_path: Path) -> None:
    """Without Celery: a decorator of the same shape stands for it when the fixed file runs."""
    text = ("from celery import Celery\n\ncelery = Celery(\"shop\")\n\n\n@celery.task(name=\"add\")\n"
            "async def add(a: int, *more: int, b: int = 1, **rest: int) -> int:\n"
            "    return a + sum(more) + b + len(rest)\n")
    after = fixed({"tasks.py": text}, "ARC026")
    after["celery.py"] = ("class Celery:\n    def __init__(self, name):\n        self.name = name\n\n"
                          "    def task(self, **options):\n        return lambda function: function\n")
    assert run(tmp_path, after, "import tasks\nprint(tasks.add(1, 2, 3, b=4, c=5))") == "11"


def test_a_redis_that_comes_with_the_queue_is_told_to_what_looked_for_one_before() -> None:
    routes = ("from fastapi import BackgroundTasks, FastAPI\n\nfrom reports import build_report\n\n"
              "app = FastAPI()\n\n\n@app.post(\"/reports/{key}\")\n"
              "def start(key: str, tasks: BackgroundTasks) -> None:\n"
              "    tasks.add_task(build_report, key)\n\n\n"
              "@app.get(\"/reports/{key}/status\")\ndef state(key: str) -> str:\n    return key\n")
    config = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
              "    rate_limit_redis_url: str = \"redis://localhost:6379/0\"\n"
              "    state_redis_url: str = \"redis://localhost:6379/0\"\n\n\nsettings = Settings()\n")
    compose = ("services:\n  web:\n    image: shop\n    command: uvicorn main:app\n    environment:\n"
               "      LEVEL: info\n      STATE_REDIS_URL: redis://elsewhere:6379/0\n")
    files = {"main.py": routes, "reports.py": "def build_report(key: str) -> None:\n    print(key)\n",
             "requirements.txt": "fastapi\n", "settings.py": config, "compose.yml": compose}
    found = fixed(files, "ARC003")["compose.yml"]
    assert "      RATE_LIMIT_REDIS_URL: redis://redis:6379/0\n" in found
    assert "STATE_REDIS_URL: redis://redis" not in found
