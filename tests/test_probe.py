"""Probes: a real application is started and asked, and what it shows confirms or overrules what its code said."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from readybook import Check, Finding, Hours, NotApplicable, Place, Project, Report, Right, audit, registry
from readybook.__main__ import main
from readybook.config import Config
from readybook.errors import ConfigError
from readybook.finding import Answer
from readybook.probe import failures
from readybook.probe.addresses import kind_of, values, wanted
from readybook.probe.asked import probe
from readybook.probe.observed import observations, read_probed, with_observed
from readybook.probe.stores import Absent
from readybook.probe.surroundings import candidates, is_production
from readybook.rendering import Audited, render
from readybook.story import observed_text, outcome_text
from readybook.tables import checks as checks_table
from readybook.verify.children import Limits

CARELESS = """\
import os
import time
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI(debug=True)
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
SECRET = os.environ["SHOP_SECRET"]


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/ready")
async def ready() -> dict[str, str]:
    return {"status": "ok", "database": os.environ["REDIS_URL"]}


@app.on_event("shutdown")
def hang():
    time.sleep(60)
"""
CAREFUL = """\
import asyncio
import os
import uuid

from fastapi import FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse

MANY, LARGE = 30, 100_000
app = FastAPI(openapi_url=None if os.getenv("APP_ENV", "development") == "production" else "/openapi.json")
seen = []


class Careful:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        given = dict(scope["headers"])
        own = given.get(b"x-request-id", uuid.uuid4().hex.encode())
        taken = 0

        async def limited():
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > LARGE:
                raise TooLarge
            return message

        async def careful(message):
            if message["type"] == "http.response.start":
                message["headers"] += [(b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"DENY"),
                                       (b"referrer-policy", b"no-referrer"), (b"x-request-id", own)]
            await send(message)

        if scope["path"] != "/health/live":
            seen.append(1)
        answer = None
        if len(seen) > MANY:
            answer = JSONResponse({"detail": "slow down"}, 429, {"retry-after": "60"})
        elif int(given.get(b"content-length", b"0")) > LARGE:
            answer = JSONResponse({"detail": "too large"}, 413)
        try:
            await (answer or self.app)(scope, limited, careful)
        except TooLarge:
            await JSONResponse({"detail": "too large"}, 413)(scope, receive, careful)
        except Exception:
            await JSONResponse({"detail": "failed", "request_id": own.decode()}, 500)(scope, receive, careful)


class TooLarge(Exception):
    pass


app.add_middleware(GZipMiddleware)
app.add_middleware(Careful)


@app.get("/health/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}
"""


def asked(tmp_path: Path, **files: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The probe's rows by id, and all of probe.json, of an application ``main:app``."""
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    project = Project.open(tmp_path, cache=False)
    ran = Audited(audit(project, []), Config(), project, ())
    document = probe(ran, tmp_path, python=Path(sys.executable), limits=Limits(start=30))
    return {row["id"]: row for row in document["probes"]}, document


def test_a_careless_service_is_seen_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "END_SECONDS", 4.0)
    rows, document = asked(tmp_path, main=CARELESS)
    assert document["started"] and document["isolation"]["guarded"], document["reason"]
    assert "SHOP_SECRET" in document["surroundings"]["variables"]
    failed = {"security-headers", "cors-foreign-origin", "docs", "request-id", "compression", "body-limit",
              "error-500", "error-500-detail", "rate-limit", "readiness-stores-down", "shutdown"}
    outcomes = {id_: row["outcome"] for id_, row in rows.items()}
    assert {id_ for id_, outcome in outcomes.items() if outcome == "failed"} == failed, outcomes
    assert "with credentials" in rows["cors-foreign-origin"]["observed"]
    assert "still runs" in rows["shutdown"]["observed"]
    assert "/health answers 200" in rows["liveness"]["observed"]
    assert "gone /ready answers 200" in rows["readiness-stores-down"]["observed"]


def test_a_careful_service_passes(tmp_path: Path) -> None:
    rows, document = asked(tmp_path, main=CAREFUL)
    outcomes = {id_: row["outcome"] for id_, row in rows.items()}
    assert document["started"], document["reason"]
    assert set(outcomes.values()) == {"passed", "not_applicable"}, {i: r for i, r in rows.items()
                                                                    if r["outcome"] not in ("passed", "not_applicable")}
    assert {id_ for id_, outcome in outcomes.items() if outcome == "not_applicable"} == {
        "readiness", "readiness-stores-down", "liveness-stores-down"}
    assert rows["docs"]["evidence"].startswith("GET /docs answers 404")


def test_a_service_that_does_not_start_leaves_every_question_open(tmp_path: Path) -> None:
    text = "from fastapi import FastAPI\n\napp = FastAPI()\nraise ValueError('no luck')\n"
    rows, document = asked(tmp_path, main=text)
    assert not document["started"] and "no luck" in document["reason"]
    assert {row["outcome"] for row in rows.values()} == {"unknown"} and len(rows) > 12


SETTINGS = """\
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    environment: str = "development"
    debug: bool = True
    database_url: str = "postgresql+asyncpg://db/shop"
    redis_host: str = "cache"
    redis_port: int = 6379
    allowed_hosts: str
    token: str


settings = Settings()
"""


def test_variables_lead_to_the_stores_and_to_production() -> None:
    project = Project.from_files({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n" + SETTINGS})
    assert [store.kind for store in wanted(project)] == ["redis", "postgresql"]
    kinds = {v.name: kind_of(v) for v in project.facts.variables}
    assert kinds == {"ENVIRONMENT": "", "DEBUG": "", "DATABASE_URL": "postgresql", "REDIS_HOST": "redis",
                     "REDIS_PORT": "redis", "ALLOWED_HOSTS": "", "TOKEN": ""}
    stores = [Absent("redis"), Absent("postgresql")]
    assert values(project, stores) == {
        "DATABASE_URL": f"postgresql+asyncpg://postgres:postgres@127.0.0.1:{stores[1].port}/postgres",
        "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(stores[0].port)}
    tried = candidates(project, stores, {"TOKEN": "mine"})
    assert tried[0]["ENVIRONMENT"] == "production" and tried[0]["DEBUG"] == "false" and is_production(project, tried[0])
    assert all(one["TOKEN"] == "mine" for one in tried) and not is_production(project, tried[-1])
    assert any(one.get("ALLOWED_HOSTS") == "localhost,127.0.0.1" for one in tried)


class Says(Check):
    """Something is said of the code.

    The running service knows better.
    """

    id, name, category, severity, hours, fix_kinds = "SEC901", "says", "security", "high", Hours(1, 2, 3), ("advice",)
    answer: Answer = Right(Place("main.py", 1))

    def find(self, project: Project) -> Iterator[Answer]:
        yield self.answer


APP = {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/')\ndef one():\n    return 1\n"}
OPEN = Finding(Place("main.py", 3), "it is open", app="main:app")


def said(answer: Answer) -> tuple[Report, Check]:
    check = type("Said", (Says,), {"answer": answer, "__doc__": Says.__doc__})()
    return audit(Project.from_files(APP), [check]), check


def row(outcome: str, settles: tuple[str, ...] = ("passed", "failed"), id_: str = "one") -> dict[str, Any]:
    return {"id": id_, "question": "Is it so?", "checks": ["SEC901"], "observed": f"it {outcome}", "expected": "so",
            "outcome": outcome, "evidence": "GET / answers 200", "settles": list(settles)}


@pytest.mark.parametrize(
    ("answer", "rows", "outcome", "text"),
    [
        (Right(Place("main.py", 1)), [row("passed")], "passed", "passed, observed"),
        (Right(Place("main.py", 1)), [row("failed")], "failed", "failed, observed"),
        (Right(Place("main.py", 1)), [row("failed", ("passed",))], "passed", "passed; observed: failed"),
        (OPEN, [row("passed")], "passed", "passed, observed"),
        (OPEN, [row("passed"), row("failed", (), "two")], "failed", "failed, observed"),
        (OPEN, [row("passed"), row("unknown", id_="two")], "passed", "passed, observed"),
        (OPEN, [row("passed"), row("passed", (), "two")], "failed", "failed; observed: passed"),
        (OPEN, [row("unknown")], "failed", "failed"),
        (NotApplicable("none here"), [row("passed")], "not_applicable", "does not apply; observed: passed"),
        (Finding(Place("other.py", 1), "it is open", app="other:app"), [row("passed")], "failed",
         "failed; observed: passed"),
    ],
)
def test_what_is_seen_confirms_or_overrules_what_was_said(
    answer: Answer, rows: list[dict[str, Any]], outcome: str, text: str
) -> None:
    report, check = said(answer)
    after = with_observed(report, {"app": "main:app", "probes": rows}, [check])
    (result,) = after.results
    assert (result.outcome, outcome_text(result)) == (outcome, text)
    assert bool(result.observed) == bool(observed_text(result)) == any(r["outcome"] != "unknown" for r in rows)
    assert Report.from_json(after.to_json()) == Report.from_json(Report.from_json(after.to_json()).to_json())
    assert Report.from_json(after.to_json()).to_dict() == after.to_dict()
    assert text in [cell.text for line in checks_table(after).rows for cell in line if hasattr(cell, "text")]
    overruled = [o.check for o in observations(rows, report, "main:app") if o.overrules]
    assert bool(overruled) == (result.outcome != report.results[0].outcome)


def test_an_overruled_finding_is_told_of_and_weighs_nothing() -> None:
    report, check = said(OPEN)
    after = with_observed(report, {"app": "main:app", "probes": [row("passed")]}, [check])
    assert [w.reason for w in after.waived] == ["observed: it passed"] and not after.findings
    assert after.score.overall.value == 10 and after.effort.likely == 0


def test_a_defect_that_only_the_service_shows_has_a_place_and_a_price() -> None:
    report, check = said(Right(Place("main.py", 1)))
    after = with_observed(report, {"app": "main:app", "probes": [row("failed")]}, [check])
    [(result, finding, print_)] = after.findings
    assert str(finding.place) == "main.py:3" and "it failed" in finding.message and print_
    assert finding.evidence == "GET / answers 200" and result.estimate.likely == 2 and after.score.overall.value == 0


def test_the_report_shows_what_was_observed(tmp_path: Path) -> None:
    project = Project.from_files(APP)
    check = type("Said", (Says,), {"answer": OPEN, "__doc__": Says.__doc__})()
    ran = Audited(audit(project, [check]), Config(), project, (check,))
    file = tmp_path / "probe.json"
    file.write_text(json.dumps({"schema_version": 1, "app": "main:app", "probes": [row("failed")]}), encoding="utf-8")
    made = render(ran, tmp_path / "out", {}, probed=file)
    data = json.loads(made.json.read_text(encoding="utf-8"))
    assert data["checks"][0]["observed"] == {"outcome": "failed", "static": "failed", "said": "it failed",
                                             "probes": ["one"]}
    assert data["probed"][0]["id"] == "one"
    page = made.html.read_text(encoding="utf-8")
    assert "failed, observed" in page and "Observed in the running service (one): it failed" in page
    assert "Is it so?" in page
    file.write_text(json.dumps({"schema_version": 1, "app": "main:app", "base_digest": "x", "probes": []}))
    with pytest.raises(ConfigError, match="another state"):
        render(ran, tmp_path / "out", {}, probed=file)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1, "app": "a:b", "probes": [{}]}'])
def test_what_is_no_probe_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "probe.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"probe\.json: is no"):
        read_probed(file)


def test_the_command_tells_a_disagreement_by_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.py").write_text(APP["main.py"], encoding="utf-8")
    wrong = type("Cors", (Says,), {"id": "SEC001", "answer": OPEN, "__doc__": Says.__doc__})()
    monkeypatch.setattr(registry, "load", lambda: (wrong,))
    assert main(["probe", str(tmp_path), "--app", "main:app", "--python", sys.executable, "--no-cache"]) == 1
    said_ = capsys.readouterr()
    assert json.loads(said_.out)["app"] == "main:app"
    assert "SEC001 said failed of the code; observed: the foreign origin is not allowed" in said_.err
    assert main(["probe", str(tmp_path), "--env", "wrong", "--no-cache"]) == 2
    (tmp_path / "main.py").write_text("x = 1\n", encoding="utf-8")
    assert main(["probe", str(tmp_path), "--no-cache"]) == 2
