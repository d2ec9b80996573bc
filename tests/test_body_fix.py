"""SEC013's model, served: what the handler reads still works, and what is missing is answered with 422."""

from __future__ import annotations

import pytest

from readybook import Project
from readybook.edits import apply
from readybook.run import ask
from readybook_checks.security.sec013_unvalidated_body import UnvalidatedBody
from readybook_checks.security.sec013_unvalidated_body.examples import ADD, HEAD

testclient = pytest.importorskip("fastapi.testclient")
READS = ADD.format("body: dict", "body[\"name\"]", "body[\"price\"]", "body.get(\"loud\", False)", "body.get('tags')")


def served(code: str):
    space: dict[str, object] = {"__name__": "main"}
    exec(compile(code, "main.py", "exec", dont_inherit=True), space)
    return testclient.TestClient(space["app"], raise_server_exceptions=False)


def test_good_bodies_are_answered_as_before_and_bad_ones_are_refused():
    project = Project.from_files({"main.py": HEAD + READS})
    finding, = ask(UnvalidatedBody(), project).findings
    assert finding.fix and finding.fix.unsafe
    before, after = served(project.text("main.py")), served(apply(project, finding.fix.intents)["main.py"])
    for body in ({"name": " a ", "price": "2"}, {"name": "a", "price": 2.5, "loud": True, "tags": ["x"]}):
        assert after.post("/items", json=body).json() == before.post("/items", json=body).json()
    assert before.post("/items", json={"name": "a"}).status_code == 500
    assert after.post("/items", json={"name": "a"}).status_code == 422


@pytest.mark.parametrize("line", [
    "save(body)", "body[\"x\"] = 1", "for key in body: print(key)", "print(\"a\" in body)", "x = body[key]",
    "body.update(a=1)", "print(body.get(\"my-key\"))", "print(body[\"copy\"])",
])
def test_a_body_that_is_used_in_another_way_is_left_to_a_person(line):
    code = HEAD + f"@app.post(\"/a\")\ndef a(body: dict):\n    {line}\n    return body[\"name\"]\n"
    finding, = ask(UnvalidatedBody(), Project.from_files({"main.py": code})).findings
    assert finding.fix and not finding.fix.intents
