"""Keys of a known shape in configuration that ships with the code, beside what other checks look at."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Finding, advice
from readybook.facts.compose import compose_files
from readybook.facts.deployedvariables import set_by_deployment
from readybook.facts.dockerinstructions import assignments
from readybook.facts.dotenv import is_dotenv
from readybook.facts.secretvalues import SHAPES, kind_of, names_secret, names_signing_key, provider_of
from readybook.patterns import regex
from readybook.place import Place
from readybook.project import Project

_SUFFIXES = (".toml", ".yml", ".yaml", ".json", ".ini", ".cfg", ".conf", ".sh", ".bash", ".tf", ".hcl", ".service")
# a value that the description of an API shows its readers
_EXAMPLE = regex(r"""\s*["']?(?:x-)?examples?["']?\s*:""")
WORTH = frozenset({"provider", "private key", "random", "chosen"})
_GRADES = {"Stripe test key": "medium", "Google API key": "high"}


def shipped_secrets(project: Project) -> Iterator[Finding]:
    """A finding for each line of a configuration file that holds a provider's key, or of a Dockerfile a secret."""
    facts = project.facts
    yield from _in_images(project)
    elsewhere = {*compose_files(project), *(item.place.path for item in facts.kubernetes)}
    for path, file in sorted(project.files.items()):
        if not path.endswith(_SUFFIXES) or path in elsewhere or is_dotenv(path) or path.endswith("lock.json"):
            continue
        telling = _telling(file.text)
        if not telling or facts.role(path) not in ("application", "script"):
            continue
        for number, line in telling:
            label = provider_of(line)
            if label and not _EXAMPLE.match(line):
                article = "An" if label[0] in "AEIOU" else "A"
                yield Finding(
                    Place(path, number), f"{article} {label} is in {path}: whoever reads the repository can use it.",
                    _GRADES.get(label, "critical"), confidence="medium",
                    fix=advice("Take the key out of the file", "give out a new key and hand it in at deployment:"
                               " the old one stays in the history of the repository"),
                )


def _telling(text: str) -> list[tuple[int, str]]:
    """(number, text) of the lines that hold the beginning of some provider's key."""
    spans = set()
    for shape in SHAPES:
        at = text.find(shape)
        while at >= 0:
            end = text.find("\n", at)
            end = end if end >= 0 else len(text)
            spans.add((text.rfind("\n", 0, at) + 1, end))
            at = text.find(shape, end)
    return [(text.count("\n", 0, start) + 1, text[start:end]) for start, end in sorted(spans)]


def _in_images(project: Project) -> Iterator[Finding]:
    """Secrets that ENV of a deployed image gives to variables which the code reads."""
    facts = project.facts
    read = {v.name for v in facts.variables}
    for dockerfile in facts.dockerfiles:
        if not dockerfile.python or dockerfile.development or facts.role(dockerfile.path) != "application":
            continue
        for instruction in dockerfile.final_instructions:
            for name, value in assignments(instruction.text) if instruction.keyword == "ENV" else ():
                kind = kind_of(value)
                signs = names_signing_key(name)
                if name not in read or not names_secret(name) or kind not in (WORTH | {"words"} if signs else WORTH):
                    continue
                does = "can forge what it signs" if signs else "can use it"
                fed = set_by_deployment(facts, name)
                fed = fed if fed is not None and fed.path != dockerfile.path else None
                yield Finding(
                    instruction.place, f"{dockerfile.path} gives {name} a value of its own: whoever reads the "
                    f"repository, or pulls the image, {does}.", "medium" if fed else "critical" if signs else "high",
                    confidence="medium", chain=(fed,) if fed else (), fix=advice(
                        f"Take {name} out of the image and set it where the container is started",
                        "give out a new value: the old one stays in the layers and in the history of the repository"))
