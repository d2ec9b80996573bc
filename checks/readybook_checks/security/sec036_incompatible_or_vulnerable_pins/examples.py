"""Examples of SEC036."""

from __future__ import annotations

from readybook import Bad, Good

MAIN = ("from fastapi import FastAPI\nfrom prometheus_fastapi_instrumentator import Instrumentator\n\n"
        "app = FastAPI()\nInstrumentator().instrument(app).expose(app)\n")
LOGIN = ("from fastapi import FastAPI\nfrom passlib.context import CryptContext\n\n"
         "pwd_context = CryptContext(schemes=[\"bcrypt\"], deprecated=\"auto\")\napp = FastAPI()\n\n\n"
         "@app.post(\"/login\")\ndef login(password: str, known: str) -> bool:\n"
         "    return pwd_context.verify(password, known)\n")
TWO = LOGIN.replace("[\"bcrypt\"]", "[\"argon2\", \"bcrypt\"]")
FREEZE = ("anyio==4.8.0\nfastapi==0.115.11\nidna==3.10\npasslib==1.7.4\npydantic==2.10.6\nstarlette==0.46.0\n"
          "uvicorn==0.34.0\n")
PLAIN = "from fastapi import FastAPI\n\napp = FastAPI()\n"
LEGACY = ("from fastapi import FastAPI\nfrom pydantic.v1 import BaseModel\n\napp = FastAPI()\n\n\n"
          "class Item(BaseModel):\n    name: str\n\n\n@app.post(\"/items\")\nasync def create(item: Item) -> str:\n"
          "    return item.name\n")
CI = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: pytest -q\n"

EXAMPLES = (
    Bad(
        {"main.py": MAIN, "requirements.txt": "fastapi==0.163.2\nprometheus-fastapi-instrumentator==7.1.0\n"},
        at=("requirements.txt:2",), severity="critical",
        fixed={"requirements.txt": "fastapi==0.163.2\nprometheus-fastapi-instrumentator==8.1.0\n"},
    ),
    Bad(  # today's installation brings bcrypt 5
        {"main.py": LOGIN, "requirements.txt": "fastapi==0.115.0\npasslib[bcrypt]==1.7.4\n"},
        at=("requirements.txt:2",), severity="high"),
    Bad(  # only hashes of before are bcrypt's
        {"main.py": TWO, "requirements.txt": "fastapi==0.115.0\npasslib[bcrypt,argon2]==1.7.4\n"},
        at=("requirements.txt:2",), severity="low"),
    Bad(  # all that is installed is listed, and bcrypt is not
        {"main.py": LOGIN, "requirements.txt": FREEZE}, at=("requirements.txt:4",), severity="high"),
    Good(  # nobody hashes with it
        {"main.py": LOGIN.partition("\n\n\n")[0] + "\n", "requirements.txt": "fastapi==0.115.0\npasslib[bcrypt]\n"}),
    Good(  # another file may bring bcrypt, or an image
        {"main.py": LOGIN, "requirements.txt": "fastapi==0.115.0\npasslib==1.7.4\n"}),
    Bad(  # the lock file says so
        {"main.py": LOGIN, "pyproject.toml": "[project]\nname = \"x\"\nversion = \"1\"\n"
         "dependencies = [\"fastapi\", \"passlib[bcrypt]\"]\n",
         "uv.lock": "version = 1\n\n[[package]]\nname = \"bcrypt\"\nversion = \"5.0.0\"\n\n[[package]]\n"
         "name = \"fastapi\"\nversion = \"0.115.0\"\n\n[[package]]\nname = \"passlib\"\nversion = \"1.7.4\"\n"},
        at=("uv.lock:3",)),
    Bad({"main.py": LEGACY, "requirements.txt": "fastapi==0.136.3\n"}, at=("main.py:7",), severity="high"),
    Bad(
        {"main.py": PLAIN, "requirements.txt": "fastapi==0.136.3\n", "Dockerfile":
         "FROM python:3.9-slim\nCOPY . .\nRUN pip install -r requirements.txt uvicorn\n"
         "CMD [\"uvicorn\", \"main:app\"]\n"},
        at=("Dockerfile:1",)),
    Bad({"main.py": PLAIN, "requirements.txt": "fastapi==0.136.3\n", ".github/workflows/test.yml": CI},
        at=(".github/workflows/test.yml:1",), severity="low"),
    Good({"main.py": MAIN, "requirements.txt": "fastapi==0.115.0\nprometheus-fastapi-instrumentator==7.1.0\n"}),
    Good({"main.py": MAIN, "requirements.txt": "fastapi==0.163.2\nprometheus-fastapi-instrumentator==8.1.0\n"}),
    Good({"main.py": LOGIN, "requirements.txt": "fastapi==0.115.0\npasslib[bcrypt]==1.7.4\nbcrypt<5\n"}),
    Good({"main.py": LOGIN, "requirements.txt": "fastapi==0.115.0\npasslib[bcrypt]==1.7.4\nbcrypt==4.3.0\n"}),
    Good({"main.py": LOGIN.replace("bcrypt", "argon2"), "requirements.txt": "fastapi==0.115.0\npasslib[argon2]\n"}),
    Good({"main.py": LEGACY, "requirements.txt": "fastapi==0.121.0\n"}),
    Good({"main.py": PLAIN, "requirements.txt": "fastapi==0.136.3\n", ".github/workflows/test.yml": CI,
          ".github/dependabot.yml": "version: 2\nupdates:\n  - package-ecosystem: pip\n"}),
    Good({"main.py": PLAIN, "requirements.txt": "fastapi>=0.100\n"}, outcome="not_applicable"),
)
