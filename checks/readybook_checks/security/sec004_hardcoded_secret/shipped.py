"""Keys of a known shape in configuration that ships with the code, beside what other checks look at."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Finding, advice
from readybook.facts.compose import compose_files
from readybook.facts.dotenv import is_dotenv
from readybook.facts.secretvalues import SHAPES, provider_of
from readybook.place import Place
from readybook.project import Project

_SUFFIXES = (".toml", ".yml", ".yaml", ".json", ".ini", ".cfg", ".conf", ".sh", ".bash", ".tf", ".hcl", ".service")
_GRADES = {"Stripe test key": "medium", "Google API key": "high"}


def shipped_secrets(project: Project) -> Iterator[Finding]:
    """A finding for each line of a configuration file that holds a provider's key."""
    facts = project.facts
    elsewhere = {*compose_files(project), *(item.place.path for item in facts.kubernetes)}
    for path, file in sorted(project.files.items()):
        if not path.endswith(_SUFFIXES) or path in elsewhere or is_dotenv(path) or path.endswith("lock.json"):
            continue
        if not any(shape in file.text for shape in SHAPES) or facts.role(path) not in ("application", "script"):
            continue
        for number, line in enumerate(file.text.split("\n"), 1):
            label = provider_of(line) if any(shape in line for shape in SHAPES) else None
            if label:
                article = "An" if label[0] in "AEIOU" else "A"
                yield Finding(
                    Place(path, number), f"{article} {label} is in {path}: whoever reads the repository can use it.",
                    _GRADES.get(label, "critical"), confidence="medium",
                    fix=advice("Take the key out of the file", "give out a new key and hand it in at deployment:"
                               " the old one stays in the history of the repository"),
                )
