"""The queue that ARC003 writes, run for real: a worker process, a real Redis broker, tasks that go there and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import CHECKS, fixed, run, write
from servers import Process, Redis, Service, until

from readybook import Project
from readybook.patch import series

pytest.importorskip("celery")
MAIN = """from fastapi import BackgroundTasks, FastAPI

from app.reports import build_report, refund_payment

app = FastAPI()


@app.post("/reports/{key}")
def start(key: str, tasks: BackgroundTasks) -> None:
    tasks.add_task(build_report, key, 2)


@app.get("/reports/{key}/status")
def state(key: str) -> str:
    return key


@app.post("/refunds/{order}")
def refund(order: str, tasks: BackgroundTasks) -> None:
    tasks.add_task(refund_payment, order)
"""
WORK = """import asyncio
import os
import pathlib

FOLDER = pathlib.Path(os.environ["REPORTS"])


async def build_report(key: str, copies: int) -> None:
    await asyncio.sleep(0)
    loop = id(asyncio.get_running_loop())
    with (FOLDER / "report").open("a") as report:
        report.write(f"{key} {copies} {os.getpid()} {loop}\\n")


def refund_payment(order: str) -> None:
    tried = FOLDER / f"tried_{order}"
    tried.write_text(tried.read_text() + "x" if tried.exists() else "x")
    if len(tried.read_text()) < 2:
        raise ConnectionError("the bank is away")
    (FOLDER / order).write_text("paid back")
"""
FILES = {"app/__init__.py": "", "app/main.py": MAIN, "app/reports.py": WORK, "requirements.txt": "fastapi\n",
         "Procfile": "web: uvicorn app.main:app\n"}
SEND = """
import json, sys
from app.tasks import background
from app.celery_app import celery_app
task = getattr(background, sys.argv[1])
sent = task.apply_async(args=json.loads(sys.argv[2]), task_id=sys.argv[3])
sent.get(timeout=60)
print(json.dumps([sent.id, celery_app.AsyncResult(sys.argv[3]).state, sent.result]))
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write(fixed(FILES, "ARC003"), tmp_path / "shop")


@pytest.fixture
def variables(redis: Redis, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "out").mkdir()
    return {"CELERY_BROKER_URL": redis.url, "REPORTS": str(tmp_path / "out")}


def worker(launch: Callable[..., Process], made: Path, variables: dict[str, str]) -> Process:
    """A worker started by the line that the fix put into the Procfile."""
    (line,) = [x for x in (made / "Procfile").read_text().splitlines() if x.startswith("worker: ")]
    command = line.removeprefix("worker: ").split()
    process = launch(["python", "-m", *command], made, **variables)
    until(lambda: "ready." in process.output() or not process.alive, 60, "the worker is ready")
    assert process.alive, process.output()
    return process


def sent(made: Path, variables: dict[str, str], task: str, *arguments: object, job: str = "job-1") -> list[object]:
    said = run(made, "python", "-c", SEND, task, json.dumps(arguments), job, **variables)
    return json.loads(said.splitlines()[-1])


def test_tasks_go_to_a_worker_and_back(launch: Callable[..., Process], made: Path, variables: dict[str, str],
                                       redis: Redis) -> None:
    process = worker(launch, made, variables)
    assert sent(made, variables, "ping") == ["job-1", "SUCCESS", "pong"]
    for number in range(3):
        assert sent(made, variables, "build_report_task", "march", 2, job=f"r{number}")[1] == "SUCCESS"
    rows = [line.split() for line in Path(variables["REPORTS"], "report").read_text().splitlines()]
    assert [row[:2] for row in rows] == [["march", "2"]] * 3
    assert {row[2] for row in rows}.isdisjoint({str(process.child.pid)})  # a child of the worker did it
    assert len({(row[2], row[3]) for row in rows}) == len({row[2] for row in rows})  # one loop to a process


def test_a_task_whose_connection_fails_is_tried_again(launch: Callable[..., Process], made: Path,
                                                      variables: dict[str, str]) -> None:
    worker(launch, made, variables)
    assert sent(made, variables, "refund_payment_task", "order7", job="refund-1")[1] == "SUCCESS"
    assert Path(variables["REPORTS"], "order7").read_text() == "paid back"
    assert Path(variables["REPORTS"], "tried_order7").read_text() == "xx"


def test_work_waits_for_a_worker_and_pickles_are_refused(launch: Callable[..., Process], made: Path,
                                                         variables: dict[str, str]) -> None:
    put = ("from app.tasks import background as b; print(b.build_report_task.apply_async(args=['may', 1]).id);"
           "b.build_report_task.apply_async(args=['evil', 1], serializer='pickle')")
    run(made, "python", "-c", put, **variables)  # nobody works yet
    report = Path(variables["REPORTS"], "report")
    assert not report.exists()
    process = worker(launch, made, variables)
    until(report.exists, 60, "the report is written")
    until(lambda: "Refusing to deserialize" in process.output() or "ContentDisallowed" in process.output(), 30,
          "the pickle is refused")
    assert report.read_text().startswith("may 1 ") and "evil" not in report.read_text()


def test_the_service_starts_beside_it(serve: Callable[..., Service], made: Path, variables: dict[str, str]) -> None:
    service = serve("app.main:app", made, **variables)
    assert service.ask("/reports/a/status")[:2] == (200, "a")


BARE = """import os
import time

from celery import Celery

app = Celery("shop", broker=os.environ["BROKER"], backend=os.environ["BROKER"])


@app.task
def hang() -> None:
    time.sleep(300)


@app.task
def who() -> int:
    return os.getpid()
"""
ASK = """
from celery.exceptions import SoftTimeLimitExceeded
from worker import app, hang, who
try:
    hang.delay().get(timeout=60)
except SoftTimeLimitExceeded:
    print(app.conf.task_time_limit, app.conf.worker_max_tasks_per_child, who.delay().get(timeout=60) > 0)
"""


def test_limits_that_arc005_adds_end_a_task_that_hangs(launch: Callable[..., Process], redis: Redis,
                                                       tmp_path: Path) -> None:
    made = fixed({"worker.py": BARE, "main.py": "", "requirements.txt": "celery[redis]\n"}, "ARC005", advice=True)
    assert "task_time_limit=1800" in made["worker.py"] and "task_soft_time_limit=1770" in made["worker.py"]
    quick = made["worker.py"].replace("=1800", "=4").replace("=1770", "=2")
    folder = write({**made, "worker.py": quick}, tmp_path)
    url = redis.url.removesuffix("0") + "5"
    process = launch(["python", "-m", "celery", "-A", "worker", "worker", "--loglevel", "INFO",
                      "--concurrency", "1"], folder, BROKER=url)
    until(lambda: "ready." in process.output() or not process.alive, 60, "the worker is ready")
    assert run(folder, "python", "-c", ASK, BROKER=url).split() == ["4", "500", "True"]


TASK_MAIN = """import asyncio

from fastapi import FastAPI

from app.reports import build_report

app = FastAPI()


@app.post("/reports/{job_id}")
async def start(job_id: str) -> str:
    asyncio.create_task(build_report(job_id, copies=2))
    return job_id
"""
STATE = """
import sys
from app.celery_app import celery_app
result = celery_app.AsyncResult(sys.argv[1])
result.get(timeout=60)
print(result.state)
"""


@pytest.mark.parametrize("ids", [("ARC001",), ("ARC001", "ARC003")], ids=["alone", "on the queue of ARC003"])
def test_a_request_hands_its_work_to_a_worker_when_that_is_asked_for(
    ids: tuple[str, ...], launch: Callable[..., Process], serve: Callable[..., Service], variables: dict[str, str],
    tmp_path: Path,
) -> None:
    work = WORK.replace("key: str, copies", "job_id: str, copies").replace("{key} {copies}", "{job_id} {copies}")
    files = {**FILES, "app/main.py": TASK_MAIN, "app/reports.py": work}
    project = Project.from_files(files)
    plain = series(project, [CHECKS["ARC001"]], unsafe=True)
    assert "celery" not in plain.patches[0].diff  # the further-reaching cure is made when it is asked for
    made = series(project, [CHECKS[i] for i in ids], unsafe=True, on_request=True)
    after = {path: text for path, text in files.items()}
    for patch in made.patches:
        after |= {change.path: change.after for change in patch.changes}
    assert "create_task" not in after["app/main.py"] and "task_id=job_id" in after["app/main.py"]
    folder = write(after, tmp_path / "shop")
    worker(launch, folder, variables)
    service = serve("app.main:app", folder, **variables)
    assert service.ask("/reports/job77", "POST")[:2] == (200, "job77")
    assert run(folder, "python", "-c", STATE, "job77", **variables).split() == ["SUCCESS"]
    assert Path(variables["REPORTS"], "report").read_text().startswith("job77 2 ")
