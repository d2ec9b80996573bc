"""PER013: packages that the image carries and the service never imports."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.distributions import IMPORTED_AS
from readybook.facts.requirementtexts import Requirement
from readybook.finding import Answer
from readybook.intents import EnsureRequirement, Intent, ReplaceLineText
from readybook.patterns import regex
from readybook_checks.security.sec033_unpinned_dependencies import declaring

VISION = r"ultralytics|easyocr|mediapipe|deepface|albumentations|paddle|supervision|camelot|img2table|rapidocr"
# distribution → packages that need it and may be the reason why it is named (for a version or a CPU build)
HEAVY: dict[str, str] = {
    "torch": r"transformers|sentence|accelerate|ultralytics|easyocr|whisper|lightning|torch|diffusers|spacy|flair|bert|"
             r"timm|fastai|peft|vllm|haystack|langchain|llama|faster|pyannote|speech|nemo|detectron|clip|keras",
    "torchvision": r"ultralytics|timm|easyocr|clip|detectron|torch|transformers",
    "torchaudio": r"whisper|pyannote|speech|torch|nemo",
    "tensorflow": r"keras|tf|deepface|tensorflow|transformers|mediapipe|spleeter",
    "pandas": r"dask|streamlit|pyspark|statsmodels|seaborn|plotly|geopandas|sqlalchemy-bigquery|yfinance|prophet|"
              r"pandas|great|tableau|ydata|datasets|mlflow|langchain|llama|altair|evidently|gradio",
    "scipy": r"scikit|statsmodels|librosa|xgboost|lightgbm|seaborn|networkx|pysal|umap|hdbscan|gensim|scipy|torch",
    "scikit-learn": r"umap|hdbscan|imbalanced|xgboost|lightgbm|sentence|catboost|mlflow|shap|librosa",
    "opencv-python": VISION, "opencv-python-headless": VISION,
    "matplotlib": r"seaborn|plotly|pandas|ydata|shap|ultralytics|wordcloud|mplfinance|scikit-plot|librosa",
    "transformers": r"sentence|langchain|haystack|llama|bert|peft|trl|optimum",
    "spacy": r"presidio|spacy|en-core|scispacy|textacy|chatterbot",
    "nltk": r"unstructured|textblob|llama|rake|newspaper|sumy|g2p",
    "xgboost": r"mlflow|shap", "lightgbm": r"mlflow|shap", "pyspark": r"delta|spark|databricks", "gensim": r"$^",
    "selenium": r"webdriver|undetected|helium", "playwright": r"crawl|scrap|browser",
}
TOOLS = regex(r"pytest(?:-[\w-]+)?|black|flake8(?:-[\w-]+)?|mypy|ruff|isort|pylint|pre-commit|ipython|jupyter|"
              r"jupyterlab|notebook|coverage|tox|nox|bandit|pyright|autopep8|autoflake|ipdb|ipykernel|locust|"
              r"factory-boy|freezegun|responses|respx|testcontainers|bumpversion|bump2version|twine|pip-tools|mkdocs(?:-[\w-]+)?")
RUNNERS = regex(r"(?:^|/)(?:GNU)?[Mm]akefile$|\.(?:mk|sh|ya?ml)$|(?:^|/)(?:justfile|Taskfile)$")
INSIDE = regex(r"(?i)docker(?:[-_ ]compose)?\b[^\n]*\s(?:run|exec)\b")
DEV_FILE = regex(r"(?:^|/)(?:dev-requirements|requirements[-_/.](?:dev|test|tests|development))\.(?:txt|in)$")


class HeavyDependencies(Check):
    """The production set holds large packages that no code imports, or tools that only developers run.

    Looked at: the files that declare what the service runs on. Large packages (machine learning, data frames, images,
    browsers) count when no application code imports them, not even inside a function, and no package that is declared
    beside them builds on them. Tools for tests, formatting and notebooks count when no application code imports them.
    Each makes the image larger, slower to start and easier to attack.

    Fix: a tool moves to the development requirements that the project already has; where it has none, or the tool is
    run in the service's own container, advice.
    """

    id = "PER013"
    name = "heavy-dependencies"
    category = "performance"
    severity = "low"
    hours = Hours(0.5, 1, 3, each=0.1)
    fix_kinds = ("config", "advice")
    references = ("https://docs.docker.com/build/building/best-practices/#dont-install-unnecessary-packages",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each package that does not belong in production; a Right for each file without one."""
        files = declaring(project)
        if not files:
            yield NotApplicable("no file declares the dependencies of a FastAPI service")
            return
        imported = imported_names(project, {_module(r) for found in files.values() for r in found if _suspect(r)})
        for path, requirements in sorted(files.items()):
            names = {r.name for r in requirements}
            found = [r for r in requirements if _unused(r, names, imported)]
            for requirement in found:
                yield _finding(project, requirement)
            if not found:
                yield Right(requirements[0].place, f"{path} holds nothing large that is unused, and no tools")


def imported_names(project: Project, wanted: Collection[str]) -> frozenset[str]:
    """Those of the top-level names that any code outside of tests mentions in an import or hands to import_module."""
    found: set[str] = set()
    for module in project.facts.modules.by_path.values():
        if module.role != "test" and any(name in module.text for name in wanted):
            found.update(re.findall(r"(?m)^[ \t]*(?:>>> )?(?:from|import)[ \t]+(\w+)", module.text))
            if "import_module" in module.text:
                found.update(re.findall(r"import_module\(\s*[\"'](\w+)", module.text))
    return frozenset(found)


def _suspect(requirement: Requirement) -> bool:
    return requirement.name in HEAVY or TOOLS.fullmatch(requirement.name) is not None


def _module(requirement: Requirement) -> str:
    """The name that a package is imported by."""
    flat = requirement.name.replace("-", "_")
    return IMPORTED_AS.get(flat, IMPORTED_AS.get(flat.removesuffix("_headless"), flat))


def _unused(requirement: Requirement, names: set[str], imported: frozenset[str]) -> bool:
    if not _suspect(requirement) or _module(requirement) in imported or requirement.marker:
        return False
    if TOOLS.fullmatch(requirement.name):
        return True
    because = HEAVY.get(requirement.name)
    others = names - {requirement.name}
    return because is not None and not any(re.match(because, other) for other in others)


def _finding(project: Project, requirement: Requirement) -> Finding:
    tool = TOOLS.fullmatch(requirement.name) is not None
    path = requirement.place.path
    message = (f"{requirement.name} is a tool for developers, and {path} installs it in production." if tool else
               f"{requirement.name} is installed in production by {path}, and no code imports it.")
    return Finding(requirement.place, message, confidence="high" if tool else "medium",
                   fix=_fix(project, requirement, tool))


def _fix(project: Project, requirement: Requirement, tool: bool) -> Fix:
    place = requirement.place
    folder = place.path.rpartition("/")[0]
    line = project.line(place.path, place.line)
    has_home = any(DEV_FILE.search(p) and p.startswith(folder) for p in project.files)
    if not tool:
        return advice(f"Drop {requirement.name}, or move it to an extra for the jobs that need it",
                      "what runs outside this code may use it")
    if not has_home or not place.path.endswith(".txt") or requirement.hashed:
        return advice(f"Move {requirement.name} to a development group or file", "CI has to install from there too")
    if _runs_in_the_image(project, requirement.name):
        return advice(f"Move {requirement.name} to a development group or file",
                      "it is run in the container of the service, whose image has to install from there too")
    intents: tuple[Intent, ...] = (
        ReplaceLineText(place, line.strip(), ""),
        EnsureRequirement(requirement.name, requirement.specifier, requirement.extras, group="dev"))
    return Fix(f"Move {requirement.name} to the development requirements", intents, kinds=("config",), safety="review",
               reason="whoever runs it installs the development requirements first")


def _runs_in_the_image(project: Project, tool: str) -> bool:
    """Whether a Makefile, a script or a workflow runs the tool, and runs things in the service's container."""
    named = re.compile(rf"(?m)^[^#\n]*(?<![\w./-]){re.escape(tool)}(?![\w=<>.-])")
    return any(RUNNERS.search(path) and INSIDE.search(file.text) and named.search(file.text)
               for path, file in project.files.items())


APP = {"app/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}
HeavyDependencies.examples = (
    Bad({**APP, "requirements.txt": "fastapi==0.115.0\npytest==8.3.0\nuvicorn==0.30.0\n",
         "requirements-dev.txt": "-r requirements.txt\nruff==0.9.0\n"},
        at=("requirements.txt:2",), severity="low",
        fixed={"requirements.txt": "fastapi==0.115.0\nuvicorn==0.30.0\n",
               "requirements-dev.txt": "-r requirements.txt\nruff==0.9.0\npytest==8.3.0\n"}),
    Bad({**APP, "requirements.txt": "fastapi\ntorch==2.4.0\npandas\n"},
        at=("requirements.txt:2", "requirements.txt:3")),
    Bad({**APP, "pyproject.toml": "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\n    \"fastapi\",\n"
         "    \"black\",\n]\n"}, at=("pyproject.toml:6",)),
    Bad({**APP, "requirements.txt": "fastapi==0.115.0\npytest==8.3.0\n",  # the image runs it: no patch
         "requirements-dev.txt": "-r requirements.txt\n",
         "Makefile": "RUN = docker compose run --rm api\n\ntest:\n\t${RUN} pytest .\n"},
        at=("requirements.txt:2",)),
    Good({**APP, "requirements.txt": "fastapi\ntorch==2.4.0\n",
          "app/predict.py": "def predict():\n    import torch\n\n    return torch.tensor([1])\n"}),  # on demand
    Good({**APP, "requirements.txt": "fastapi\ntorch==2.4.0\nsentence-transformers\n"}),  # named for its CPU build
    Good({**APP, "requirements.txt": "fastapi\nopencv-python-headless\n", "app/look.py": "import cv2\n"}),
    Good({**APP, "requirements.txt": "fastapi\n", "requirements-dev.txt": "pytest\nblack\n"}),
    Good({"tool.py": "print(1)\n", "requirements.txt": "pandas\n"}, outcome="not_applicable"),
)
