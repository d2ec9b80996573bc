"""SetUpApp and RunInOwnLoop: where the call goes, what is refused, and that nothing is done twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from readybook.edits import apply
from readybook.errors import PatchError
from readybook.intents import EnsureMiddleware, RunInOwnLoop, SetUpApp
from readybook.place import Place
from readybook.project import Project

HEAD = "from fastapi import FastAPI\n\n"


def after(text: str, *intents: object) -> str:
    """The text of main.py when the intents are carried out; asked again, nothing changes."""
    project = Project.from_files({"main.py": text, "extra.py": "def inner(app): ...\n\n\ndef outer(app): ...\n"})
    changed = apply(project, intents)  # type: ignore[arg-type]
    again = [replace(i, place=found(changed["main.py"])) for i in intents
             if isinstance(i, SetUpApp | EnsureMiddleware)]
    assert apply(project.with_files(changed), again) == {}
    return changed["main.py"]


def found(text: str) -> Place:
    """Where the application is built in a text."""
    before = text[:text.find("FastAPI(")]
    return at(before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)


def at(line: int, column: int = 7) -> Place:
    """A place in main.py."""
    return Place("main.py", line, column)


def test_a_middleware_is_added_once_right_after_the_application_is_built() -> None:
    text = HEAD + "def make():\n    app = FastAPI()\n    app.add_middleware(Other)\n    return app\n"
    short = EnsureMiddleware(found(text), "starlette.middleware.gzip", "GZipMiddleware")
    assert "    app = FastAPI()\n    app.add_middleware(GZipMiddleware)\n    app.add_middleware(Other)\n" in after(
        text, short)
    long = replace(short, arguments=f"minimum_size={'1' * 120}")
    assert f"    app.add_middleware(\n        GZipMiddleware,\n        minimum_size={'1' * 120},\n    )\n" in after(
        text, long)
    with pytest.raises(PatchError, match="no name"):
        after(HEAD + "serve(FastAPI())\n", EnsureMiddleware(Place("main.py", 3, 7), "a", "B"))


def test_inner_comes_first_and_outer_after_the_last_middleware() -> None:
    text = HEAD + "app = FastAPI()\napp.add_middleware(A)\nother.add_middleware(B)\n\n\n@app.middleware(\"http\")\n" \
                  "async def note(request, call_next):\n    return await call_next(request)\n\n\nlast = 1\n"
    both = (SetUpApp(at(3), "extra", "inner"), SetUpApp(at(3), "extra", "outer", outermost=True))
    got = after(text, *both)
    assert "app = FastAPI()\ninner(app)\napp.add_middleware(A)" in got
    assert "    return await call_next(request)\nouter(app)\n" in got
    assert "from extra import inner, outer\n" in got


def test_without_middleware_the_outer_call_is_the_second() -> None:
    both = (SetUpApp(at(3), "extra", "outer", outermost=True), SetUpApp(at(3), "extra", "inner"))
    assert after(HEAD + "app = FastAPI()", *both).endswith("app = FastAPI()\ninner(app)\nouter(app)")


def test_in_a_factory_of_another_style() -> None:
    text = HEAD + "\n\ndef make():\n\tself.api: FastAPI = FastAPI(\n\t\ttitle='x',\n\t)\n\treturn self.api\n"
    got = after(text.replace("\n", "\r\n"), SetUpApp(found(text), "extra", "inner"))
    assert "\t)\r\n\tinner(self.api)\r\n\treturn self.api\r\n" in got


@pytest.mark.parametrize("text", ["def make():\n    return FastAPI()\n", "serve(FastAPI())\n"])
def test_an_application_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(PatchError, match="no name"):
        after(HEAD + text, SetUpApp(found(HEAD + text), "extra", "inner"))


def test_a_coroutine_is_split_with_its_signature_and_decorators() -> None:
    text = ("@task(\n    name='x',\n)\nasync def send(\n    self, /, a: dict[str, int], *, b: int = 1,\n"
            ") -> dict[str, int]:\n    return await other(a)  # keep\n")
    assert after(text, RunInOwnLoop(at(4, 1), "send")) == (
        "import asyncio\n\n\n@task(\n    name='x',\n)\ndef send(\n    self, /, a: dict[str, int], *, b: int = 1,\n"
        ") -> dict[str, int]:\n    return asyncio.run(_send(self, a, b=b))\n\n\nasync def _send(\n"
        "    self, /, a: dict[str, int], *, b: int = 1,\n) -> dict[str, int]:\n    return await other(a)  # keep\n")


@pytest.mark.parametrize(("text", "reason"), [
    ("async def send():\n    pass\n\n\ndef _send():\n    pass\n", "taken"),
    ("async def send(\n    a,  # the first\n):\n    pass\n", "split"),
])
def test_a_coroutine_that_cannot_be_split_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PatchError, match=reason):
        after(text, RunInOwnLoop(at(1, 1), "send"))
