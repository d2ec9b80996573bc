"""Which body runs when a wrapped function is called."""

from __future__ import annotations

import pytest

from readybook import Project
from readybook.registry import load
from readybook.run import ask

MAIN = ("from fastapi import FastAPI\n\nimport work\n\napp = FastAPI()\n\n\n@app.get('/a')\nasync def a():\n"
        "    return {0}work.one()\n\n\n@app.get('/b')\nasync def b():\n    return {0}work.two()\n")
WORK = ("import asyncio\nimport functools\nimport time\nfrom functools import partial\n\n\ndef guard(func):\n{wraps}"
        "{body}    return wrapper\n\n\n@guard\ndef one():\n    time.sleep(1)\n\n\n"
        "@guard\ndef two():\n    time.sleep(2)\n")
WRAPS = ["", "    @functools.wraps(func)\n"]


def blocked(body: str, wraps: str, awaited: str) -> list[str]:
    files = {"main.py": MAIN.format(awaited), "work.py": WORK.format(wraps=wraps, body=body)}
    check = next(c for c in load() if c.id == "PER001")
    return [f.message.partition(")")[0] + ")" for f in ask(check, Project.from_files(files)).findings]


@pytest.mark.parametrize("wraps", WRAPS)
@pytest.mark.parametrize("moved", [
    "asyncio.to_thread(func, *args, **kwargs)",
    "asyncio.to_thread(lambda: func(*args, **kwargs))",
    "asyncio.get_running_loop().run_in_executor(None, partial(func, *args, **kwargs))",
])
def test_what_a_wrapper_hands_to_a_thread_does_not_block(moved: str, wraps: str) -> None:
    body = f"    async def wrapper(*args, **kwargs):\n        return await {moved}\n"
    assert blocked(body, wraps, "await ") == []


@pytest.mark.parametrize("wraps", WRAPS)
def test_each_function_of_one_decorator_blocks_for_itself(wraps: str) -> None:
    body = "    def wrapper(*args, **kwargs):\n        return func(*args, **kwargs)\n"
    assert blocked(body, wraps, "") == ["time.sleep(1)", "time.sleep(2)"]


def test_a_coroutine_is_awaited_in_its_loop() -> None:
    body = ("    @functools.wraps(func)\n    async def wrapper(*args, **kwargs):\n"
            "        if not asyncio.iscoroutinefunction(func):\n"
            "            return await asyncio.to_thread(func, *args, **kwargs)\n"
            "        return await func(*args, **kwargs)\n")
    files = {"main.py": MAIN.format("await "),
             "work.py": WORK.format(wraps="", body=body).replace("@guard\ndef", "@guard\nasync def")}
    check = next(c for c in load() if c.id == "PER001")
    assert len(ask(check, Project.from_files(files)).findings) == 2
