"""Examples of SEC024."""

from __future__ import annotations

from readybook import Bad, Good

AUTH = (
    "from fastapi import Depends\nfrom fastapi.security import OAuth2PasswordBearer\n\n"
    "scheme = OAuth2PasswordBearer(tokenUrl=\"login\")\n\n\n"
    "def current_user(token: str = Depends(scheme)) -> str:\n    return token\n"
)
HEAD = "from fastapi import APIRouter, Depends, FastAPI\nfrom sqlalchemy.orm import Session\n\n"
ME = "@{0}.get(\"/me\")\ndef me(user: str = Depends(current_user)) -> str:\n    return user\n\n\n"
ADD = "@{0}.post(\"/items\"{1})\ndef add(db: Session = Depends(session)) -> None:\n    db.add(1)\n    db.commit()\n"
DB = "\n\ndef session() -> Session:\n    return Session()\n\n\n"
MAIN = HEAD + "from auth import current_user\n\napp = FastAPI()\n" + DB
SPLIT = {"auth.py": AUTH, "store.py": "from pymongo import MongoClient\n\n\ndef connect():\n"
         "    return MongoClient()[\"shop\"]\n",
         "main.py": "from fastapi import FastAPI\n\nimport items\nimport users\n\napp = FastAPI()\n"
         "app.include_router(users.router)\n"}
USERS = "from fastapi import APIRouter, Depends\n\nfrom auth import current_user\n\nrouter = APIRouter()\n\n\n"
ITEMS = "from fastapi import APIRouter\n\nfrom store import connect\n\nrouter = APIRouter()\n\n\n"
DROP = "@router.delete(\n    \"/items/{item_id}\",\n)\ndef drop(item_id: int) -> None:\n" \
    "    connect().items.delete_one({\"id\": item_id})\n"
CHECKERS = {
    "auth.py": AUTH, "requirements.txt": "fastapi>=0.128\n",
    "main.py": "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING, Annotated\n\n" + MAIN.replace(
        "\n\napp =", "\n\nif TYPE_CHECKING:\n    from people import User\n\napp =") + ME.format("app")
    + ADD.format("app", "").replace("def add(", "def add(who: Annotated[User, Depends(current_user)]{}, ")}
EXAMPLES = (
    Bad(
        {"auth.py": AUTH, "main.py": MAIN + ME.format("app") + ADD.format("app", "")},
        at=("main.py:19",), severity="high",
        fixed={"main.py": MAIN + ME.format("app") + ADD.format("app", ", dependencies=[Depends(current_user)]")},
    ),
    Bad(  # a router in a file that knows nothing of authentication
        {**SPLIT, "main.py": SPLIT["main.py"] + "app.include_router(items.router, prefix=\"/v1\")\n",
         "users.py": USERS + ME.format("router"), "items.py": ITEMS + DROP},
        at=("items.py:11",), severity="high",
        fixed={"items.py": ITEMS.replace("APIRouter\n\nfrom store", "APIRouter, Depends\n\nfrom auth import "
                                         "current_user\nfrom store")
               + DROP.replace("\",\n)", "\",\n    dependencies=[Depends(current_user)],\n)")},
    ),
    Bad(  # one handler, with and without a slash
        {"auth.py": AUTH, "main.py": MAIN + ME.format("app")
         + ADD.format("app", "").replace("@app", "@app.post(\"/items/\", include_in_schema=False)\n@app", 1)},
        at=("main.py:20",)),
    Bad(  # a dependency that is no authentication: a session; the sign-in itself is open on purpose
        {"auth.py": AUTH, "main.py": MAIN + ME.format("app")
         + ADD.format("app", ", dependencies=[Depends(session)]")
         + ADD.replace("/items", "/login").replace("def add", "def sign_in").format("app", "")},
        at=("main.py:19",), severity="high",
    ),
    Good(  # visitors pay without an account
        {"auth.py": AUTH, "main.py": "import stripe\n" + MAIN + ME.format("app") + "@app.post(\"/basket/pay\")\n"
         "def pay(key: str) -> str:\n    return stripe.checkout.Session.create(client_reference_id=key).url\n"},
        outcome="unknown"),
    Bad(  # FastAPI cannot read the annotation and answers without the dependency
        {**CHECKERS, "main.py": CHECKERS["main.py"].format(" = None")},
        at=("main.py:26",), severity="high"),
    Good({**CHECKERS, "main.py": CHECKERS["main.py"].format("")},  # it refuses all
         outcome="unknown"),
    Good(  # the router asks, the inclusion asks, the application asks
        {**SPLIT, "main.py": SPLIT["main.py"].replace("import items", "from fastapi import Depends\n\nimport items")
         + "from auth import current_user\napp.include_router(items.router, dependencies=[Depends(current_user)])\n",
         "users.py": USERS + ME.format("router"), "items.py": ITEMS + DROP},
    ),
    Good(  # an alias with Annotated, two steps away from the scheme
        {"auth.py": AUTH + "\n\ndef admin(user: str = Depends(current_user)) -> str:\n    return user\n",
         "main.py": "from typing import Annotated\n\n" + HEAD + "from auth import admin as must_be\n\n"
         "Admin = Annotated[str, Depends(must_be)]\napp = FastAPI()\n" + DB
         + ADD.format("app", "").replace("def add(", "def add(who: Admin, ")}),
    Good(  # middleware refuses
        {"auth.py": AUTH, "main.py": HEAD.replace("FastAPI\n", "FastAPI\nfrom fastapi.responses import JSONResponse\n")
         + "app = FastAPI()\n" + DB + ADD.format("app", "") + "\n\n@app.middleware(\"http\")\n"
         "async def ask(request, call_next):\n    if request.headers.get(\"x-key\") != request.app.state.key:\n"
         "        return JSONResponse({\"detail\": \"who are you?\"}, 401)\n    return await call_next(request)\n"}),
    Good(  # local only, and names that say why anybody may
        {"auth.py": AUTH, "main.py": MAIN.replace("from fastapi", "import os\n\nfrom fastapi", 1) + ME.format("app")
         + ADD.format("app", "").replace("/items", "/users/signup").replace("def add", "def sign_up")
         + "\n\nprivate = APIRouter()\n\n\n" + ADD.format("private", "")
         + "\n\nif os.environ.get(\"ENVIRONMENT\", \"local\") == \"local\":\n    app.include_router(private)\n"},
        outcome="not_applicable"),
    Good(  # a decorator of one's own
        {"auth.py": AUTH, "main.py": MAIN.replace("import current_user", "import current_user\nfrom web import "
                                                  "login_required") + ME.format("app")
         + ADD.format("app", "").replace("def add", "@login_required\ndef add")}, outcome="unknown"),
    Good(  # nobody is asked anywhere, and data of people comes in: perhaps a gateway asks
        {"main.py": HEAD.replace("\n\n", "\nfrom pydantic import BaseModel\n\n") + "app = FastAPI()\n" + DB
         + "class Guest(BaseModel):\n    email: str\n\n\n"
         + ADD.format("app", "").replace("def add(", "def add(guest: Guest, ")}, outcome="unknown"),
    Good(  # nobody is asked anywhere, and there is nobody to ask
        {"main.py": HEAD + "app = FastAPI()\n" + DB + ADD.format("app", "")}, outcome="not_applicable"),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\ndef index() -> int:\n"
          "    return 1\n"}, outcome="not_applicable"),
    Good(  # a setting adds what asks who calls
        {"auth.py": AUTH, "main.py": "import os\n\n" + MAIN.replace("import Depends", "import APIRouter, Depends")
         + "router = APIRouter()\nkept: list = []\n" + ME.format("app") + ADD.format("router", "")
         + "\n\nif os.environ.get(\"API_KEY\"):\n    kept.append(Depends(current_user))\n"
         "app.include_router(router, dependencies=kept)\n"}, outcome="unknown"),
    Good(  # a class-based view, by a decorator of the project's own: the class asks who calls
        {"views.py": "def controller(router):\n    def decorate(cls):\n        return cls\n\n    return decorate\n",
         "main.py": "from fastapi import APIRouter, Depends, FastAPI\nfrom fastapi.security import HTTPBearer\n\n"
         "from views import controller\n\nrouter = APIRouter()\n\n\nclass Private:\n"
         "    token: object = Depends(HTTPBearer())\n\n\n@controller(router)\nclass Items(Private):\n"
         "    @router.post(\"/items\")\n    def add(self, db) -> None:\n        db.commit()\n\n"
         "    @router.delete(\"/items\")\n    def drop(self, db) -> None:\n        db.commit()\n\n\n"
         "app = FastAPI()\napp.include_router(router)\n"}),
    Bad(  # the row of a person that is looked up by its id is not who calls
        {"auth.py": AUTH, "people.py": "def get_user(db, user_id: int) -> object:\n    return db.get(user_id)\n",
         "main.py": MAIN.replace("import current_user", "import current_user\nfrom people import get_user")
         + ME.format("app") + ADD.format("app", "").replace("/items", "/people/{user_id}").replace(
             "post", "put").replace("def add(", "def change(user_id: int, ").replace(
                 "    db.add", "    get_user(db, user_id)\n    db.add")},
        at=("main.py:20",), severity="high"),
    Good(  # what takes the request may ask who calls
        {"auth.py": AUTH, "people.py": "def get_user(request) -> object:\n    return request.state.user\n",
         "main.py": MAIN.replace("import current_user", "import current_user\nfrom people import get_user").replace(
             "FastAPI\n", "FastAPI, Request\n", 1)
         + ME.format("app") + ADD.format("app", "").replace("def add(", "def add(request: Request, ").replace(
             "    db.add", "    get_user(request)\n    db.add")},
        outcome="unknown"),
    Bad(  # a service that comes as an abstract class says by its method's name what becomes of the row
        {"auth.py": AUTH, "services.py": "from abc import ABC, abstractmethod\n\n\nclass Items(ABC):\n"
         "    @abstractmethod\n    def remove_item(self, key: int) -> None:\n        \"\"\"Take it away.\"\"\"\n\n\n"
         "def items() -> Items: ...\n",
         "main.py": HEAD + "from auth import current_user\nfrom services import Items, items\n\napp = FastAPI()\n\n\n"
         + ME.format("app") + "@app.delete(\"/items/{key}\")\n"
         "def drop(key: int, store: Items = Depends(items)) -> None:\n    store.remove_item(key)\n"},
        at=("main.py:16",), severity="medium"),
    Bad(  # how the sender can be reached: a form, perhaps
        {"auth.py": AUTH, "main.py": MAIN.replace("\n\n", "\nfrom pydantic import BaseModel\n\n", 1) + ME.format("app")
         + "class Visit(BaseModel):\n    email: str\n\n\n" + ADD.format("app", "").replace("/items", "/visits").replace(
             "def add(", "def add(visit: Visit, ")},
        at=("main.py:24",), severity="medium"),
    Good(  # a form for visitors, by its name; no row of it is theirs to take away
        {"auth.py": AUTH, "main.py": MAIN + ME.format("app") + ADD.format("app", "").replace("/items", "/feedback")},
        outcome="not_applicable"),
    Bad({"auth.py": AUTH, "main.py": MAIN + ME.format("app") + ADD.format("app", "").replace(
        "/items", "/feedback/{key}").replace("post", "delete")}, at=("main.py:19",), severity="high"),
    Good(  # a signed text in the body says who calls
        {"auth.py": AUTH, "main.py": MAIN.replace("\n\n", "\nimport jwt\nfrom pydantic import BaseModel\n\n", 1)
         + ME.format("app") + "class Signed(BaseModel):\n    text: str\n\n\n"
         + ADD.format("app", "").replace("def add(", "def add(body: Signed, ").replace(
             "    db.add", "    jwt.decode(body.text, \"k\", algorithms=[\"HS256\"])\n    db.add")},
        outcome="unknown"),
    Good(  # a count of readers
        {"auth.py": AUTH, "main.py": MAIN + ME.format("app") + ADD.format("app", "").replace(
            "/items", "/posts/{key}/views")}, outcome="not_applicable"),
    Bad(  # what goes back to a customer is nowhere written down here
        {"auth.py": AUTH, "main.py": MAIN.replace("\n\n", "\nimport stripe\n\n", 1) + ME.format("app")
         + "@app.post(\"/payments/{key}/refund\")\ndef refund(key: str) -> None:\n"
         "    stripe.Refund.create(payment_intent=key)\n"}, at=("main.py:20",), severity="high"),
)
