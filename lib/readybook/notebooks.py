"""Running notebooks with papermill and turning them into one HTML file with nbconvert.

Every run talks to its kernel through sockets in a directory of its own: papermill's default takes free TCP ports that
a parallel run may take too, and then hangs. What a run leaves in the notebook about time and machine is taken out, so
two runs on one report give the same bytes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from importlib.resources import as_file, files
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from readybook.charts import plotly_script
from readybook.errors import ConfigError, NotebookError
from readybook.markup import clip
from readybook.page import page_parts, unlink_dangling
from readybook.run import described
from readybook.version import __version__

if TYPE_CHECKING:
    from nbformat import NotebookNode

START_TIMEOUT, CELL_TIMEOUT = 60, 300  # seconds
QUIET = ("--IPKernelApp.log_level=CRITICAL",)  # an idle kernel that is told to end reports the interrupt as an error
SOCKET_PATH_LIMIT = 90                 # a Unix socket's name holds 107 bytes; the kernel adds its port number
TYPES = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,), "list": (list, tuple)}


def notebook_path(name: str) -> Path:
    """The notebook ``name`` (without suffix) of the repository, or the copy that the installed package brings."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "environment.yml").is_file() and (folder / "notebooks" / f"{name}.ipynb").is_file():
            return folder / "notebooks" / f"{name}.ipynb"
    with as_file(files("readybook").joinpath("templates", "notebooks", f"{name}.ipynb")) as path:
        if path.is_file():
            return path
    raise NotebookError(f"{name}: there is no such notebook in this installation")


def run_notebook(name: str, parameters: Mapping[str, Any], cwd: Path) -> NotebookNode:
    """Execute a notebook with ``cwd`` as the kernel's working directory and return it, stripped.

    Raises ConfigError for a parameter it does not have or of another type, NotebookError when a cell fails, takes too
    long, or the kernel dies twice.
    """
    papermill = _papermill()
    from nbclient.exceptions import DeadKernelError

    source = notebook_path(name)
    check_parameters(name, parameters, parameters_of(name))
    try:
        try:
            notebook = _execute(source, parameters, cwd)
        except DeadKernelError:
            notebook = _execute(source, parameters, cwd)
        except RuntimeError as error:
            if type(error) is not RuntimeError:  # a kernel that does not start raises just this type
                raise
            notebook = _execute(source, parameters, cwd)
    except papermill.PapermillExecutionError as error:
        raise NotebookError(f"{name}: cell {error.exec_count}: {error.ename}: {_first_line(error.evalue)}") from None
    except (DeadKernelError, RuntimeError, TimeoutError) as error:
        raise NotebookError(f"{name}: {described(error)}") from None
    return strip(notebook)


def run_notebooks(asked: Sequence[tuple[str, Mapping[str, Any]]], cwd: Path) -> list[NotebookNode]:
    """Execute several notebooks, each given with its parameters, side by side; as ``run_notebook`` does one."""
    from papermill.iorw import papermill_io

    try:
        with ThreadPoolExecutor(len(asked)) as pool:
            return [run.result() for run in [pool.submit(run_notebook, *one, cwd) for one in asked]]
    finally:
        papermill_io.get_handler("local").cwd(None)  # runs that overlap do not put back what they found


def parameters_of(name: str) -> Mapping[str, Mapping[str, Any]]:
    """What the notebook's parameters cell defines: name → its type and more, as papermill tells it."""
    found: Mapping[str, Mapping[str, Any]] = _papermill().inspect_notebook(str(notebook_path(name)))
    return found


def check_parameters(name: str, given: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a parameter that the notebook's parameters cell does not define, or whose value has another type."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigError(f"{name} has no parameter {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    for key, value in given.items():
        wanted = str(known[key].get("inferred_type_name"))
        if not _fits(value, wanted):
            raise ConfigError(f"{name}: parameter {key} must be {wanted}, not {type(value).__name__}")


def _fits(value: object, wanted: str) -> bool:
    if wanted not in TYPES:
        return True
    return isinstance(value, TYPES[wanted]) and (wanted == "bool" or not isinstance(value, bool))


def strip(notebook: NotebookNode) -> NotebookNode:
    """Take out what differs from run to run or tells of the machine: timings, paths, random ids, warnings."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.id = "injected-parameters"
        if cell.cell_type == "code":
            cell.outputs = _joined([output for output in cell.outputs if output.get("name") != "stderr"])
    return notebook


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs with neighbouring pieces of one stream put together: where a stream is cut is a matter of time."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output.text
        else:
            joined.append(output)
    return joined


def to_html(notebook: NotebookNode, title: str, footer: str, without: frozenset[str] = frozenset({"lab"})) -> str:
    """One self-contained page of the executed notebook: prose and outputs, no code.

    Cells that carry a tag of ``without`` are left out.
    """
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    cells = [cell for cell in notebook.cells if not without & set(cell.metadata.get("tags", ()))]
    notebook = type(notebook)({**notebook, "cells": cells})
    parts = page_parts(title, _headings(cells), footer, plotly_script())
    with as_file(files("readybook").joinpath("templates")) as templates:
        exporter = HTMLExporter(config=Config(HTMLExporter={"exclude_anchor_links": True}), template_name="report",
                                extra_template_basedirs=[str(templates)])
        exporter.register_filter("chart_json", _script_json)
        exporter.register_filter("section_id", _section_id)
        page, _ = exporter.from_notebook_node(notebook, resources={"page": parts})
    return unlink_dangling(page)


def to_text(notebook: NotebookNode) -> str:
    """The notebook file's text."""
    import nbformat

    return str(nbformat.writes(notebook)) + "\n"


def page_footer() -> str:
    """The last line of a report page."""
    return f"Made by Readybook {__version__}. Every figure can be recomputed from audit.json beside this page."


def _headings(cells: list[NotebookNode]) -> list[tuple[str, str]]:
    """(id, text) of each section: a markdown cell that starts with a heading of the second level."""
    starts = [cell.source for cell in cells if cell.cell_type == "markdown" and cell.source.startswith("## ")]
    return [(_section_id(source), source.partition("\n")[0][3:].strip()) for source in starts]


def _section_id(source: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", source.partition("\n")[0].lower()).strip("-")


def _script_json(value: object) -> str:
    """JSON that may stand in a script element: no sign in it ends the element or opens a comment."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _papermill() -> ModuleType:
    """papermill, imported without the grammars of internationalised links that jsonschema would build (seconds of work
    for a format that no notebook has); an import that this process made before stays as it is."""
    absent = "rfc3987_syntax" not in sys.modules
    if absent:
        sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # makes its import fail, which jsonschema allows
    try:
        return import_module("papermill")
    finally:
        if absent:
            sys.modules.pop("rfc3987_syntax", None)


def _execute(source: Path, parameters: Mapping[str, Any], cwd: Path) -> NotebookNode:
    papermill = _papermill()
    with _transport() as config:
        return papermill.execute_notebook(
            str(source), None, parameters=dict(parameters), progress_bar=False, kernel_name="python3",
            resources={"metadata": {"path": str(cwd)}},  # papermill's cwd moves this whole process, so it is not used
            start_timeout=START_TIMEOUT, execution_timeout=CELL_TIMEOUT, request_save_on_cell_execute=False,
            config=config, extra_arguments=list(QUIET),
        )


@contextmanager
def _transport() -> Iterator[Any]:
    """How the kernel is reached: sockets in a fresh private directory; TCP where there are none (the retry helps)."""
    from traitlets.config import Config

    if os.name == "nt":
        yield Config()
        return
    folder = tempfile.mkdtemp(prefix="k")
    if len(folder) > SOCKET_PATH_LIMIT:
        os.rmdir(folder)
        folder = tempfile.mkdtemp(prefix="k", dir="/tmp")
    try:
        manager = {"transport": "ipc", "ip": f"{folder}/k"}
        yield Config({"KernelManager": manager, "AsyncKernelManager": manager})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _first_line(text: str) -> str:
    return clip(described(Exception(text)).partition(": ")[2], 240)
