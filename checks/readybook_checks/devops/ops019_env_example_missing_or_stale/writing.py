"""The text of an example: each variable with its meaning, type, default and whether it is required."""

from __future__ import annotations

import json
import re
from itertools import groupby

from readybook.facts.meanings import meaning_of
from readybook.facts.targetfiles import ROOT
from readybook.masking import mask
from readybook.project import Project
from readybook_checks.devops.ops019_env_example_missing_or_stale.reading import Needed

HEAD = "# Copy to .env and fill in. A line that is commented out shows a default.\n"
MAX_VALUE = 120


def example_text(project: Project, wanted: tuple[Needed, ...]) -> str:
    """A whole example file, grouped by the file that reads the variables."""
    parts = [HEAD]
    for path, group in groupby(wanted, key=lambda v: v.place.path):
        parts.append(f"\n# {path}\n" + "".join(_lines(project, variable) for variable in group))
    return "".join(parts)


def _lines(project: Project, variable: Needed) -> str:
    value = value_of(variable)
    off = commented_out(variable)
    if re.search(r"[\s#'\"$]", value):
        value = "'" + value + "'" if "'" not in value else '"' + value.replace('"', '\\"') + '"'
    comment = comment_of(project, variable)
    return f"{f'# {comment}' if comment else ''}\n{'# ' if off else ''}{variable.name}={value}\n".lstrip("\n")


def commented_out(variable: Needed) -> bool:
    """Whether its line shows a default and is off: then the code's own default stays what counts."""
    plain = re.fullmatch(r"[A-Z][A-Z0-9_]*", variable.name) is not None
    return plain and not variable.urgent


def comment_of(project: Project, variable: Needed) -> str:
    """``Minutes a token is valid (int)``, ``Signs the tokens (str, required)``; empty where there is no more to say
    than that the environment gives a text."""
    kind = re.sub(r"\s+", " ", variable.annotation)
    notes = [kind if len(kind) <= 60 else kind[:59] + "…"] if kind else []
    notes += ["required"] if variable.required else []
    notes += ["secret"] if variable.secret else []
    meaning = mask(meaning_of(project, variable.read))
    if meaning and notes:
        return f"{meaning} ({', '.join(notes)})"
    return meaning or ("" if notes == ["str"] else ", ".join(notes))


def value_of(variable: Needed) -> str:
    """The default as the environment would give it; empty for secrets and for what is not plain data."""
    default = variable.default
    if variable.secret or default is None or variable.required:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, str):
        text = default
    elif isinstance(default, int | float):
        text = str(default)
    elif isinstance(default, list | tuple) and not variable.read.through:
        text = ",".join(map(str, default))  # what starlette's and decouple's lists are read from
    elif isinstance(default, list | tuple | dict):
        try:
            text = json.dumps(default)
        except (TypeError, ValueError):
            return ""
    else:
        return ""
    hidden = mask(f"{variable.name}={text}", ".env") != f"{variable.name}={text}" or mask(text) != text
    ours = f"{ROOT}/" in text or text == ROOT  # where the code lies is not known: it depends on the machine
    return "" if hidden or ours or "\n" in text or len(text) > MAX_VALUE else text
