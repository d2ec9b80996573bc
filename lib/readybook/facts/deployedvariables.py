"""Whether the files by which a target is deployed set an environment variable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from readybook.patterns import regex
from readybook.place import Place

if TYPE_CHECKING:
    from readybook.facts import Facts

DEPLOYED = regex(r"(?:^|/)(?:render\.ya?ml|fly(?:\.\w+)?\.toml|app\.ya?ml|\.env\.prod\w*|Procfile|[^/]*\.tf|"
                 r"railway\.(?:json|toml)|serverless\.ya?ml)$|(?:^|/)(?:deploy\w*|k8s|kubernetes|helm|charts?|infra|"
                 r"manifests|terraform|\.github/workflows)/.*\.(?:ya?ml|tf|sh|env)$")


def set_by_deployment(facts: Facts, name: str) -> Place | None:
    """Where a file of a deployment sets the variable to something, or hands it on; None when none does."""
    for service in facts.compose_services:
        for given in service.environment if not service.development else ():
            if given.name == name and not (given.value or "").partition(":-")[2]:
                return given.place
        handed = [d for d in facts.dotenvs if name in d.names and not d.test]
        if service.env_file and handed and not service.development:
            return service.place
    word = re.compile(rf"\b{re.escape(name)}\b")
    for path, file in sorted(facts.project.files.items()):
        if "dockerfile" in path.rpartition("/")[2].lower() or DEPLOYED.search(path):
            match = word.search(file.text)
            if match:
                return Place(path, file.text.count("\n", 0, match.start()) + 1)
    return None
