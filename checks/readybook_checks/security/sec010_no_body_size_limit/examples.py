"""Examples of SEC010."""

from __future__ import annotations

from importlib.resources import files

from readybook import Bad, Good

HEAD = "from fastapi import FastAPI, UploadFile\n\n"
CONFIG = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
          "    max_upload_mb: int = 25\n")
END = "\n\nsettings = Settings()\n"
UPLOAD = "\n\n@app.post(\"/files\")\nasync def store(file: UploadFile) -> int:\n    return len(await file.read())\n"
DATA = ("from fastapi import FastAPI\nfrom pydantic import BaseModel\n\n\nclass Item(BaseModel):\n    name: str\n\n\n"
        "app = FastAPI()\n\n\n@app.post(\"/items\")\ndef add(item: Item) -> str:\n    return item.name\n")
NEW = files(__package__).joinpath("body_limit.py.tmpl").read_text(encoding="utf-8").replace(
    "{setting:max_body_size}", "settings.max_body_size").replace(
    "Receive, Scope, Send\n", "Receive, Scope, Send\n\nfrom config import settings\n")
NGINX = "server {\n    listen 80;\n    location / {\n        proxy_pass http://app:8000;\n    }\n}\n"
EXAMPLES = (
    Bad(  # with the parameter of FastAPI; the size that the settings name for uploads fits in
        {"config.py": CONFIG + END, "main.py": HEAD + "from config import settings\n\n"
         "app = FastAPI(title=str(settings.max_upload_mb))\n" + UPLOAD, "requirements.txt": "fastapi==0.165.0\n"},
        at=("main.py:5",), severity="medium",
        fixed={"config.py": CONFIG + "    max_body_size: int = 27_262_976\n" + END,
               "main.py": HEAD + "from config import settings\n\n"
               "app = FastAPI(title=str(settings.max_upload_mb), max_body_size=settings.max_body_size)\n" + UPLOAD}),
    Bad(  # before
        {"config.py": CONFIG + END, "main.py": HEAD + "from config import settings\n\napp = FastAPI()\n"
         "app.title = str(settings.max_upload_mb)\n" + UPLOAD, "requirements.txt": "fastapi==0.115.0\n"},
        at=("main.py:5",), severity="medium",
        fixed={"config.py": CONFIG + "    max_body_size: int = 27_262_976\n" + END, "body_limit.py": NEW,
               "main.py": HEAD + "from body_limit import add_body_limit\nfrom config import settings\n\n"
               "app = FastAPI()\nadd_body_limit(app)\napp.title = str(settings.max_upload_mb)\n" + UPLOAD}),
    Bad(  # a size that another module compares with
        {"config.py": CONFIG.replace("max_upload_mb: int = 25", "name: str = \"shop\"") + END,
         "files.py": "def small(content: bytes) -> bool:\n    return not len(content) > 25 * 1024 * 1024\n",
         "main.py": HEAD + "import files\nfrom config import settings\n\n"
         "app = FastAPI(title=settings.name)\n" + UPLOAD, "requirements.txt": "fastapi==0.165.0\n"},
        at=("main.py:6",), severity="medium",
        fixed={"config.py": CONFIG.replace("max_upload_mb: int = 25", "name: str = \"shop\"")
               + "    max_body_size: int = 27_262_976\n" + END,
               "main.py": HEAD + "import files\nfrom config import settings\n\n"
               "app = FastAPI(title=settings.name, max_body_size=settings.max_body_size)\n" + UPLOAD}),
    Bad({"main.py": DATA}, at=("main.py:9",), severity="low"),
    Bad(  # raw bytes, through a dependency; a test mentions 413, nginx is told to take everything
        {"main.py": "from typing import Annotated\n\nfrom fastapi import Depends, FastAPI, Request\n\n\n"
         "async def raw(request: Request) -> bytes:\n    return await request.body()\n\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/hook\")\ndef hook(body: Annotated[bytes, Depends(raw)]) -> int:\n    return 1\n",
         "tests/test_main.py": "LIMIT = 413\n", "nginx.conf": NGINX.replace("80;", "80;\n    client_max_body_size 0;")},
        at=("main.py:10",), severity="medium"),
    Good({"main.py": HEAD + "app = FastAPI(max_body_size=1_000_000)\n" + UPLOAD}),
    Good(  # its own middleware
        {"main.py": HEAD + "from starlette.responses import Response\n\napp = FastAPI()\n" + UPLOAD
         + "\n\n@app.middleware(\"http\")\nasync def small(request, call_next):\n"
         "    if int(request.headers.get(\"content-length\", 0)) > 1_000:\n        return Response(status_code=413)\n"
         "    return await call_next(request)\n"}),
    Good(  # the handler looks at the size, in a helper
        {"main.py": "from fastapi import FastAPI, HTTPException, UploadFile\n\napp = FastAPI()\n\n\n"
         "def check(file):\n    if file.size > 9:\n        raise HTTPException(413)\n\n\n@app.post(\"/files\")\n"
         "async def store(file: UploadFile) -> int:\n    check(file)\n    return 1\n"}),
    Good({"main.py": HEAD + "app = FastAPI()\n" + UPLOAD, "deploy/nginx.conf": NGINX}),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\ndef index() -> int:\n"
          "    return 1\n"}, outcome="not_applicable"),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
)
