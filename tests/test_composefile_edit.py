"""EnsureServiceVariable: a variable more for one service of a compose file, the rest of the file as it was."""

from __future__ import annotations

import pytest
import yaml
from readybook.edits import apply
from readybook.errors import PatchError
from readybook.intents import EnsureServiceVariable
from readybook.project import Project

WANTED = EnsureServiceVariable("compose.yml", "api", "IPS", "10.0.0.0/8,a")
REST = "  db:\n    image: postgres:17\n"


def after(text: str) -> str:
    project = Project.from_files({"compose.yml": text})
    changed = apply(project, [WANTED])
    assert apply(project.with_files(changed), [WANTED]) == {}
    return changed["compose.yml"]


@pytest.mark.parametrize(("before", "expected"), [
    ("    environment:\n      A: b  # why\n    image: x\n",
     "    environment:\n      A: b  # why\n      IPS: \"10.0.0.0/8,a\"\n    image: x\n"),
    ("    environment:\n    - A=b\n    image: x\n",
     "    environment:\n    - A=b\n    - IPS=10.0.0.0/8,a\n    image: x\n"),
    ("    image: x\n\n    # a remark\n    ports:\n      - \"80:80\"\n",
     "    image: x\n\n    # a remark\n    ports:\n      - \"80:80\"\n    environment:\n      IPS: \"10.0.0.0/8,a\"\n"),
])
def test_the_entry_joins_those_of_its_service(before: str, expected: str) -> None:
    text = f"services:\n  api:\n{before}{REST}"
    got = after(text)
    assert got == f"services:\n  api:\n{expected}{REST}"
    service = yaml.safe_load(got)["services"]["api"]
    assert "10.0.0.0/8,a" in str(service["environment"]) and service["image"] == "x"
    assert after(text.replace("\n", "\r\n")) == got.replace("\n", "\r\n")
    assert after(text.removesuffix(REST).removesuffix("\n")).rstrip("\n") == got.removesuffix(REST).rstrip("\n")


@pytest.mark.parametrize("text", [
    "services:\n  api: {image: x}\n",
    "services:\n  api:\n    environment: {A: b}\n",
    "services:\n  db:\n    image: x\n",
    "x-env: &env\n  A: b\nservices:\n  api:\n    environment: *env\n",
    "services:\n  api: &a\n    environment:\n      <<: {A: b}\n",
    "a: [\n",
])
def test_what_is_written_in_another_way_is_refused(text: str) -> None:
    with pytest.raises(PatchError, match="compose.yml"):
        apply(Project.from_files({"compose.yml": text}), [WANTED])


def test_uvicorn_believes_the_networks_that_the_fix_names_and_no_others() -> None:
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    from readybook_checks.security.sec009_no_https_enforcement import PRIVATE

    trusted = ProxyHeadersMiddleware(lambda *_: None, trusted_hosts=PRIVATE).trusted_hosts
    assert all(address in trusted for address in ("172.17.0.1", "172.31.0.9", "192.168.16.2"))
    assert not any(address in trusted for address in ("9.9.9.9", "172.32.0.1", "127.0.0.1"))
