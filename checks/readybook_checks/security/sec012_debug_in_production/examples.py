"""Examples of SEC012."""

from __future__ import annotations

from readybook import Bad, Good

APP = "from fastapi import FastAPI\n\n"
CONFIG = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
GUARD = "\n\nif __name__ == \"__main__\":\n    import uvicorn\n\n    uvicorn.run(\"main:app\", reload=True)\n"
BRANCHES = ("#!/bin/sh\nset -e\nif [ -n \"$WAIT\" ]; then\n  sleep 1\nfi\nif [ \"$DEBUG\" = \"true\" ]; then\n"
            "  uvicorn main:app --host 0.0.0.0{}\nelse\n  uvicorn main:app --host 0.0.0.0{}\nfi\n")
SCRIPTED = {"main.py": APP + "app = FastAPI()\n", "Dockerfile": "FROM python:3.12\nCOPY . .\nCMD [\"./start.sh\"]\n"}
EXAMPLES = (
    Good({**SCRIPTED, "start.sh": BRANCHES.format(" --reload", "")}),
    Good({**SCRIPTED, "start.sh": BRANCHES.replace("$DEBUG", "$1").replace("true", "dev").format(" --reload", "")}),
    Good({**SCRIPTED, "start.sh": "#!/bin/sh\nif [ \"$STAGE\" = \"dev\" ]; then\n  if [ \"$WAIT\" = \"1\" ]; then\n"
          "    sleep 9\n  else\n    uvicorn main:app --host 0.0.0.0 --reload\n  fi\n"
          "else\n  uvicorn main:app --host 0.0.0.0\nfi\n"}),
    Bad({**SCRIPTED, "start.sh": BRANCHES.replace("  uvicorn", "  sleep", 1).format("", " --reload")},
        at=("start.sh:9",),
        fixed={"start.sh": BRANCHES.replace("  uvicorn", "  sleep", 1).format("", "")}),
    Bad({"main.py": APP + "app = FastAPI(title=\"Shop\", debug=True)\n"}, at=("main.py:3",), severity="high",
        fixed={"main.py": APP + "app = FastAPI(title=\"Shop\")\n"}),
    Bad(  # the default of a field, and an engine that echoes by another one
        {"app/__init__.py": "", "app/config.py": CONFIG + "    debug: bool = True\n\n\nsettings = Settings()\n",
         "app/main.py": APP + "from app.config import settings as conf\n\napp = FastAPI(debug=conf.debug)\n"},
        at=("app/config.py:5",), severity="high",
        fixed={"app/config.py": CONFIG + "    debug: bool = False\n\n\nsettings = Settings()\n"},
    ),
    Bad(  # it reaches the engine only
        {"conf.py": CONFIG + "    DEBUG: bool = True\n\n\nsettings = Settings()\n",
         "main.py": APP + "from sqlalchemy import create_engine\n\nfrom conf import settings\n\n"
         "engine = create_engine(\"sqlite://\", echo=settings.DEBUG)\napp = FastAPI()\n"},
        at=("conf.py:5",), severity="medium",
    ),
    Bad(  # exec form over lines, compose in list form, a Procfile
        {"main.py": APP + "app = FastAPI()\n", "Dockerfile": "FROM python:3.13-slim\nCOPY . .\n"
         "CMD [\"uvicorn\", \"main:app\", \\\n"
         "     \"--host\", \"0.0.0.0\", \"--reload\"]\n",
         "Procfile": "web: uvicorn main:app --reload --port $PORT\n"},
        at=("Dockerfile:3", "Procfile:1"), severity="high",
        fixed={"Dockerfile": "FROM python:3.13-slim\nCOPY . .\nCMD [\"uvicorn\", \"main:app\", \\\n"
               "     \"--host\", \"0.0.0.0\"]\n",
               "Procfile": "web: uvicorn main:app --port $PORT\n"},
    ),
    Bad({"main.py": APP + "app = FastAPI()\n", "Dockerfile": "FROM python:3.13-slim\nCMD fastapi dev main.py\n"},
        at=("Dockerfile:2",), severity="high",
        fixed={"Dockerfile": "FROM python:3.13-slim\nCMD fastapi run main.py\n"}),
    Bad(  # guarded, but the image runs the file
        {"main.py": APP + "app = FastAPI()\n" + GUARD, "Dockerfile": "FROM python:3.13-slim\n"
         "CMD [\"python\", \"main.py\"]\n"},
        at=("main.py:9",), severity="high",
        fixed={"main.py": APP + "app = FastAPI()\n" + GUARD.replace(", reload=True", "")},
    ),
    Bad(  # a script that the image runs; one that nothing runs, where nothing else starts the service
        {"main.py": APP + "app = FastAPI()\n", "start.sh": "#!/bin/sh\nexec uvicorn main:app --reload\n",
         "Dockerfile": "FROM python:3.13-slim\nCOPY . .\nCMD [\"./start.sh\"]\n"}, at=("start.sh:2",), severity="high",
        fixed={"start.sh": "#!/bin/sh\nexec uvicorn main:app\n"}),
    Bad({"main.py": APP + "app = FastAPI()\n", "start.sh": "#!/bin/sh\nalembic upgrade head\nuvicorn main:app "
         "--reload\n"}, at=("start.sh:3",), severity="medium"),
    Bad({"main.py": APP + "app = FastAPI()\n", "start.sh": "uvicorn main:app --host 0.0.0.0 --reload\n"},
        at=("start.sh:1",), severity="medium"),
    Good(  # a developer's script and main block: the image starts it otherwise
        {"main.py": APP + "app = FastAPI()\n" + GUARD, "run.sh": "#!/bin/sh\npython main.py\n",
         "start.sh": "uvicorn main:app --host 0.0.0.0 --reload\n",
         "Dockerfile": "FROM python:3.13-slim\nCOPY . .\nCMD [\"uvicorn\", \"main:app\"]\n"}),
    Good(  # for this machine, in an environment of its own
        {"main.py": APP + "app = FastAPI()\n", "start.sh": "source .venv/bin/activate\npip install -r dev.txt\n"
         "uvicorn main:app --host 0.0.0.0 --reload\n"}),
    Good({"main.py": APP + "app = FastAPI()\n" + GUARD}),
    Good(  # by environment, and files for development
        {"main.py": "import os\n\n" + APP + "app = FastAPI(debug=os.environ.get(\"STAGE\") == \"dev\")\n",
         "compose.override.yml": "services:\n  api:\n    build: .\n    command: uvicorn main:app --reload\n",
         "Dockerfile": "FROM python:3.13-slim\nCMD [\"fastapi\", \"run\", \"main.py\"]\n",
         "Makefile": "dev:\n\tfastapi dev main.py\n"},
    ),
    Good(  # off by default, on for developers and tests
        {"conf.py": CONFIG + "    debug: bool = False\n\n\nclass TestSettings(Settings):\n    debug: bool = True\n\n"
         "\nsettings = Settings()\n",
         "main.py": APP + "from conf import settings\n\napp = FastAPI(debug=settings.debug)\n"},
    ),
    Good(  # a function whose docstring says whom it is for
        {"main.py": APP + "import uvicorn\n\napp = FastAPI()\n\n\ndef serve() -> None:\n"
         "    \"\"\"Start a server for development.\"\"\"\n    uvicorn.run(\"main:app\", reload=True)\n"},
    ),
    Good({"library.py": "DEBUG = True\n"}, outcome="not_applicable"),
    Bad(  # a compose file that lays the code over the image, as developers do
        {"main.py": APP + "app = FastAPI()\n", "compose.yml": "services:\n  api:\n    build: .\n"
         "    command: uvicorn main:app --reload\n    volumes:\n      - .:/app\n"}, at=("compose.yml:4",),
        severity="medium"),
)
