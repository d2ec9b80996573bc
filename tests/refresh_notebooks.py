"""Run each notebook with its own parameters and store the output of its checked cells, and of no other.

    python tests/refresh_notebooks.py     after a change that is meant to change what the notebooks compute
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from readybook import notebooks

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"


def refresh(path: Path) -> None:
    """Rewrite one notebook file."""
    stored = nbformat.read(path, as_version=4)
    ran = {cell.id: cell for cell in notebooks.run_notebook(path.stem, {}, FOLDER).cells if "id" in cell}
    for cell in stored.cells:
        if cell.cell_type == "code":
            checked = "nbval-check-output" in cell.metadata.get("tags", [])
            cell.outputs = ran[cell.id].outputs if checked else []
            cell.execution_count = ran[cell.id].execution_count if checked else None
    path.write_text(notebooks.to_text(notebooks.strip(stored)), encoding="utf-8")


if __name__ == "__main__":
    for notebook in sorted(FOLDER.glob("*.ipynb")):
        refresh(notebook)
