"""The notebooks: thin, typed, runnable; and the runner, which refuses what it should and leaves no trace of the run.

Their cells are run by nbval beside the tests: run_all.py hands it the folder.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

import nbformat
import pytest
import synthetic
from readybook import notebooks
from readybook.errors import ConfigError, NotebookError, TargetError
from readybook.forecast import forecast_of
from readybook.workbook import find_target

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINES = 8  # of a cell; the parameters cell has one line a parameter
LOGIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.If,
         ast.IfExp, ast.With, ast.Try, ast.Match, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
CHECKED = "nbval-check-output"


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_there_are_notebooks() -> None:
    assert "01_audit" in {path.stem for path in FILES}


def test_a_notebook_is_thin(notebook) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tree = ast.parse(cell.source)  # a shell line or a magic does not parse
            assert not [node for node in ast.walk(tree) if isinstance(node, LOGIC)], cell.source
            if "parameters" not in tags(cell):
                assert len(cell.source.splitlines()) <= LINES, cell.source


def test_a_notebook_has_one_parameters_cell_with_types_and_help(notebook) -> None:
    (cell,) = [c for c in notebook.cells if "parameters" in tags(c)]
    for line in cell.source.splitlines():
        assert re.fullmatch(r"\w+: (str|int|float|bool) = \S.*  # \S.*", line), line


def test_a_notebook_is_stored_clean(notebook) -> None:
    assert notebook.metadata.kernelspec.name == "python3"
    text = nbformat.writes(notebook)
    assert len(text) < 200_000
    assert str(ROOT) not in text and "/home/" not in text and "/root/" not in text
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert bool(cell.outputs) == (CHECKED in tags(cell)), f"{cell.id}: checked cells store output, others none"
            assert not any(output.output_type == "error" for output in cell.outputs)
    assert any(CHECKED in tags(cell) for cell in notebook.cells)


@pytest.fixture(scope="module")
def audit_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    (folder / "audit.json").write_text(synthetic.plain().to_json(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def twins(audit_folder: Path) -> dict[str, tuple[str, str]]:
    """Each notebook run twice, all of them side by side, as text."""
    before = Path.cwd()
    given = {"00_explore": {}, "01_audit": {"hourly_rate": 95, "engineers": 2}, "02_remediate": {}}
    asked = [(name, {"report_json": "audit.json", **more}) for name, more in given.items() for _ in range(2)]
    ran = [notebooks.to_text(one) for one in notebooks.run_notebooks(asked, audit_folder)]
    assert Path.cwd() == before
    return dict(zip(given, zip(ran[::2], ran[1::2], strict=True), strict=True))


def test_two_runs_leave_the_same_bytes_and_no_trace_of_the_machine(
    audit_folder: Path, twins: dict[str, tuple[str, str]]
) -> None:
    first, second = twins["01_audit"]
    assert first == second
    assert str(ROOT) not in first and str(audit_folder) not in first and sys.prefix not in first
    made = json.loads(first)
    assert "papermill" not in json.dumps([made["metadata"], [c["metadata"].get("papermill") for c in made["cells"]]])
    summary = next(c for c in made["cells"] if c["id"] == "summary")["outputs"][0]["text"]
    assert "overall: 4.5 at risk, 8 of 10\n" in "".join(summary)
    cost = next(c for c in made["cells"] if c["id"] == "cost")["outputs"][0]["data"]["text/html"]
    assert f'data-value="{round(forecast_of(synthetic.plain()).of().p80 * 95, 2)}"' in "".join(cost)


def test_notebooks_side_by_side_leave_the_process_where_it_was(twins: dict[str, tuple[str, str]]) -> None:
    for one, twin in twins.values():
        assert one == twin
    assert notebooks.parameters_of("01_audit").keys() >= {"target", "report_json"}


def test_unknown_parameters_are_refused_by_name(audit_folder: Path) -> None:
    with pytest.raises(ConfigError, match="no parameter colour, taget; it has app,.* target"):
        notebooks.run_notebook("01_audit", {"taget": "x", "colour": "blue"}, audit_folder)


def test_parameters_keep_their_type(audit_folder: Path) -> None:
    for wrong in ({"engineers": "two"}, {"engineers": True}, {"target": 3}, {"no_cache": "yes"}, {"engineers": 1.5}):
        with pytest.raises(ConfigError, match=f"parameter {next(iter(wrong))} must be"):
            notebooks.run_notebook("01_audit", wrong, audit_folder)


def test_a_cell_that_fails_is_told_in_one_line(audit_folder: Path) -> None:
    told = "01_audit: cell 3: ConfigError: report_json: there is no file gone.json"
    with pytest.raises(NotebookError, match=told) as caught:
        notebooks.run_notebook("01_audit", {"report_json": "gone.json"}, audit_folder)
    assert "\n" not in str(caught.value)


def test_a_kernel_that_does_not_start_is_tried_once_more(audit_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def once_dead(source, *arguments):
        tries.append(arguments)
        if len(tries) == 1:
            raise RuntimeError("Kernel didn't respond in 60 seconds")
        return nbformat.read(source, as_version=4)  # as if it had run

    monkeypatch.setattr(notebooks, "_execute", once_dead)
    assert notebooks.run_notebook("01_audit", {"report_json": "audit.json"}, audit_folder).cells
    assert len(tries) == 2

    def dead(*arguments):
        raise RuntimeError("Kernel didn't respond in 60 seconds")

    monkeypatch.setattr(notebooks, "_execute", dead)
    with pytest.raises(NotebookError, match="Kernel didn't respond"):
        notebooks.run_notebook("01_audit", {"report_json": "audit.json"}, audit_folder)


def test_a_missing_notebook_is_named() -> None:
    with pytest.raises(NotebookError, match="09_none"):
        notebooks.notebook_path("09_none")


def test_a_target_is_found_from_the_notebooks_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT / "notebooks")
    assert find_target("sample_projects/cypherx").samefile(ROOT / "sample_projects" / "cypherx")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert find_target("mine").samefile(tmp_path / "mine")
    with pytest.raises(TargetError, match="there is no folder nowhere"):
        find_target("nowhere")


def test_where_a_stream_is_cut_does_not_matter() -> None:
    import nbformat.v4 as v4

    pieces = [v4.new_output("stream", name="stdout", text=text) for text in ("a", "\n", "b\n")]
    warning = v4.new_output("stream", name="stderr", text="warning")
    cell = v4.new_code_cell(outputs=[pieces[0], warning, *pieces[1:]])
    (output,) = notebooks.strip(v4.new_notebook(cells=[cell])).cells[0].outputs
    assert output.text == "a\nb\n"
