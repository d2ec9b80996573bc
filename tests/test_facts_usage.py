"""What becomes of a call's result: dropped, or held by somebody."""

from __future__ import annotations

import pytest

from readybook.facts.usage import is_dropped
from readybook.project import Project

HEAD = "import asyncio\n\nheld = set()\nlast = None\n\n\nasync def work():\n    return None\n\n\n"


def dropped(body: str, signature: str = "async def run(self):") -> list[bool]:
    """For each create_task in a function with this body: whether its result is dropped."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    project = Project.from_files({"main.py": f"{HEAD}{signature}\n{lines}"})
    return [is_dropped(c.site) for c in project.facts.behaviour.calls_to("asyncio.create_task")]


@pytest.mark.parametrize("body", [
    "asyncio.create_task(work())",
    "asyncio.create_task(work()).add_done_callback(print)",
    "task = asyncio.create_task(work())",
    "task: asyncio.Task = asyncio.create_task(work())\ntask.add_done_callback(print)",
    "_ = asyncio.create_task(work())",
    "if self:\n    try:\n        asyncio.create_task(work())\n    finally:\n        pass",
    "for name in self:\n    asyncio.create_task(work(), name=name)",
    "async with self as lock:\n    task = asyncio.create_task(work())\n    task.set_name('x')",
])
def test_nobody_holds_it(body: str) -> None:
    assert dropped(body) == [True]


@pytest.mark.parametrize("body", [
    "await asyncio.create_task(work())",
    "return asyncio.create_task(work())",
    "self.task = asyncio.create_task(work())",
    "self.tasks['a'] = asyncio.create_task(work())",
    "held.add(asyncio.create_task(work()))",
    "task = asyncio.create_task(work())\nheld.add(task)\ntask.add_done_callback(held.discard)",
    "task = asyncio.create_task(work())\ntry:\n    yield\nfinally:\n    task.cancel()",
    "global last\nlast = asyncio.create_task(work())",
    "tasks = [asyncio.create_task(work()) for _ in self]\nawait asyncio.wait(tasks)",
    "task = asyncio.create_task(work())\n\ndef stop():\n    task.cancel()\nself.stop = stop",
    "self.start = lambda: asyncio.create_task(work())",
])
def test_somebody_holds_it(body: str) -> None:
    assert dropped(body) == [False]


def test_a_module_holds_what_it_names() -> None:
    assert dropped("pass\n\n") == []
    text = HEAD + "task = asyncio.create_task(work())\nasyncio.create_task(work())\n"
    project = Project.from_files({"main.py": text})
    assert [is_dropped(c.site) for c in project.facts.behaviour.calls_to("asyncio.create_task")] == [False, True]
