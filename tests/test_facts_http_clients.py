"""The second httpx is taken for what the first one is: a client of other services, to be closed."""

from __future__ import annotations

import pytest

from readybook import Project
from readybook.facts.blocking import blocking
from readybook.facts.resources import near, resources

MAIN = ("import {0}\nfrom fastapi import FastAPI\n\napp = FastAPI()\nclient = {0}.AsyncClient()\n\n\n"
        "@app.get('/health')\nasync def health() -> int:\n    return (await client.get('https://a.example')).status_code\n")


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_health_route_asks_another_service_with_it_and_it_is_a_resource(name):
    assert blocking(f"{name}.get").kind == "http" and blocking(f"{name}.AsyncClient.get") is None
    facts = Project.from_files({"main.py": MAIN.format(name)}).facts
    assert [h.kinds for h in facts.health_routes] == [{"service"}]
    assert [r.what for r in resources(facts, near(facts, "main.py"))] == ["HTTP client"]
