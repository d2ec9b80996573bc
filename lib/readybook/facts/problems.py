"""Files beside the code that were read but could not be understood: listed, so that nothing is skipped in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readybook.facts.compose import compose_files
from readybook.facts.containers import is_dockerfile, parse_dockerfile
from readybook.facts.kubernetes import manifest_files
from readybook.facts.packages import Packages
from readybook.facts.tomltables import ini_table
from readybook.facts.workflows import provider_of
from readybook.facts.yamlnodes import yaml_documents

if TYPE_CHECKING:
    from readybook.project import Project

_INI_NAMES = (".coveragerc", "setup.cfg", "tox.ini", "pytest.ini", "alembic.ini")


def problems(project: Project, packages: Packages) -> tuple[tuple[str, str], ...]:
    """(path, reason), sorted and without duplicates."""
    found = set(packages.problems)
    templated = {item.place.path for item in project.facts.kubernetes if item.templated}
    found |= {(path, "is a template: what it renders to is not known") for path in templated}
    documents = {*compose_files(project), *manifest_files(project)} - templated
    for path, file in project.files.items():
        provider = provider_of(path)
        if path in documents or (provider and provider != "jenkins"):
            problem = yaml_documents(file.text).problem
        elif path.rpartition("/")[2] in _INI_NAMES:
            problem = ini_table(file.text).problem
        elif is_dockerfile(path) and parse_dockerfile(path, file.text) is None:
            problem = "has no FROM"
        else:
            continue
        if problem:
            found.add((path, problem))
    return tuple(sorted(found))
