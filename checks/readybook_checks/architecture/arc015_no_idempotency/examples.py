"""Projects on which ARC015 is tried."""

from __future__ import annotations

from importlib.resources import files

from readybook import Bad, Good

MODELS = ("from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column\n\n\nclass Base(DeclarativeBase):\n"
     "    pass\n"
          "\n\nclass Order(Base):\n    __tablename__ = \"orders\"\n"
          "    id: Mapped[int] = mapped_column(primary_key=True)\n"
          "\n\nclass Note(Base):\n    __tablename__ = \"notes\"\n"
          "    id: Mapped[int] = mapped_column(primary_key=True)\n")
BODY = "from pydantic import BaseModel\n\n\nclass NewOrder(BaseModel):\n    number: int\n{}"
HEAD = "from fastapi import FastAPI\n\nfrom config import settings\nfrom shop import place\n\n"
APP = "app = FastAPI(title=settings.redis_url[:0])\n"
ROUTE = "\n\n@app.post(\"/orders\")\nasync def order(number: int) -> int:\n    return await place(number)\n"
SHOP = ("from models import Order\n\nsession = None\n\n\nasync def place(number: int) -> int:\n"
        "    session.add(Order(id=number))\n    await session.commit()\n    return number\n")
CONFIG = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    redis_url: str\n\n\n"
          "settings = Settings()\n")
FILES = {"main.py": HEAD + APP + ROUTE, "shop.py": SHOP, "models.py": MODELS, "config.py": CONFIG,
         "requirements.txt": "fastapi==0.165.0\nredis==7.1.0\n"}
TEXT = files(__package__).joinpath("idempotency.py.tmpl").read_text(encoding="utf-8")
IMPORT = "from starlette.types import ASGIApp, Message, Receive, Scope, Send\n"
MADE = TEXT.replace("$address", "settings.redis_url").replace(IMPORT, IMPORT + "\nfrom config import settings\n")
QUEUE = ("from celery import Celery\nfrom fastapi import FastAPI\n\nqueue = Celery(\"x\")\napp = FastAPI()\n\n\n"
         "@queue.task\ndef render(number: int) -> None:\n    print(number)\n\n\n@app.post(\"/films\")\n"
         "def film(number: int) -> str:\n    return render.delay(number).id\n")
EXAMPLES = (
    Bad(FILES, at=("main.py:10",), severity="low",
        fixed={"main.py": HEAD.replace("from shop", "from idempotency import IdempotencyMiddleware\nfrom shop") + APP
               + "app.add_middleware(IdempotencyMiddleware)\n" + ROUTE, "idempotency.py": MADE}),
    Bad({"main.py": QUEUE}, at=("main.py:14",)),  # work for a queue
    Bad(  # a provider of payments, behind a router of another module
        {"main.py": "from fastapi import FastAPI\nimport pay\n\napp = FastAPI()\napp.include_router(pay.router)\n",
         "pay.py": "import stripe\nfrom fastapi import APIRouter\n\nrouter = APIRouter(prefix=\"/pay\")\n\n\n"
         "@router.post(\"\")\ndef pay(cents: int) -> str:\n    return stripe.PaymentIntent.create(amount=cents).id\n"},
        at=("pay.py:8",)),
    Bad(  # another class of the same name has the key
        {**FILES, "old.py": BODY.format("    idempotency_key: str\n"), "new.py": BODY.format(""),
         "main.py": HEAD + "from new import NewOrder\n\n" + APP + ROUTE.replace("number: int)", "order: NewOrder)")
         .replace("place(number)", "place(order.number)")}, at=("main.py:12",)),
    Good(  # its own body has it
        {**FILES, "old.py": BODY.format("    idempotency_key: str\n"), "new.py": BODY.format(""),
         "main.py": HEAD + "from old import NewOrder\n\n" + APP + ROUTE.replace("number: int)", "order: NewOrder)")
         .replace("place(number)", "place(order.number)")}),
    Good(  # a job without a state is one that somebody offers
        {**FILES, "shop.py": SHOP.replace("Order", "Job"), "models.py": MODELS.replace("Order", "Job")},
        outcome="not_applicable"),
    Good({**FILES, "main.py": HEAD + "from typing import Annotated\n\nfrom fastapi import Header\n\n" + APP
          + ROUTE.replace("number: int)", "number: int, idempotency_key: Annotated[str, Header()])")}),
    Good({**FILES, "main.py": HEAD + "from starlette_idempotency import IdempotencyMiddleware\n\n" + APP
          + "app.add_middleware(IdempotencyMiddleware)\n" + ROUTE}),
    Good(  # a unique number of the client's
        {**FILES, "shop.py": SHOP.replace("    session.add", "    if await session.get(Order, number):\n"
                                          "        return number  # dedup: sent again\n    session.add")}),
    Good(  # notes may be written twice
        {**FILES, "shop.py": SHOP.replace("Order", "Note")}, outcome="not_applicable"),
    Good(  # reading orders
        {**FILES, "main.py": FILES["main.py"].replace("@app.post", "@app.get")}, outcome="not_applicable"),
)
