"""Examples of PER001."""

from __future__ import annotations

from readybook import Bad, Good

LONG = ("from asyncio import sleep\n\nfrom fastapi import FastAPI\n"
        "{}import requests\n\napp = FastAPI()\n\n\n@app.get(\"/shops\")\n"
        "async def shops(name: str) -> dict:\n    await sleep(0)\n    if name:\n        answer = {}\n"
        "            \"https://api.example.com/shops/of/the/organization\",\n            json={{\n"
        "                \"name\": name,\n            }},\n            timeout=5,\n        )\n"
        "    return answer.json()\n")
EXAMPLES = (
    Bad(  # arguments on lines of their own stay there, each with its steps
        {"main.py": LONG.format("", "requests.post(")}, at=("main.py:13",),
        fixed={"main.py": LONG.format("from fastapi.concurrency import run_in_threadpool\n",
                                      "await run_in_threadpool(\n            requests.post,")},
    ),
    Bad(  # two queries of one function, told once
        {"main.py": "from fastapi import FastAPI\nfrom sqlalchemy.orm import Session\n\napp = FastAPI()\n"
         "db = Session()\n\n\n"
         "@app.get(\"/\")\nasync def home() -> int:\n    db.execute(\"select 1\")\n    db.commit()\n    return 1\n"},
        at=("main.py:10",), severity="critical",
    ),
    Bad(
        {"main.py": "import time\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/slow\")\n"
         "async def slow() -> dict[str, str]:\n    time.sleep(1)\n    return {\"status\": \"done\"}\n"},
        at=("main.py:10",), severity="critical",
        fixed={"main.py": "import asyncio\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/slow\")\n"
               "async def slow() -> dict[str, str]:\n    await asyncio.sleep(1)\n    return {\"status\": \"done\"}\n"},
    ),
    Bad(  # a helper in another module, reached through a second one
        {
            "app/rates.py": "import requests\n\n\ndef fetch(code: str) -> float:\n"
            "    return requests.get(\"https://rates.example/\" + code, timeout=5).json()[\"rate\"]\n",
            "app/prices.py": "from app.rates import fetch\n\n\ndef price(code: str) -> float:\n"
            "    return fetch(code) * 2\n",
            "app/main.py": "from fastapi import FastAPI\n\nfrom app.audit import record\n"
            "from app.prices import price\n\n"
            "app = FastAPI()\n\n\n@app.get(\"/price\")\nasync def read_price(code: str) -> float:\n"
            "    await record(code)\n    return price(code)\n",
            "app/audit.py": "async def record(code: str) -> None:\n    return None\n",
        },
        at=("app/rates.py:5",), severity="critical",
        fixed={"app/main.py": "from fastapi import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n\n"
               "from app.audit import record\nfrom app.prices import price\n\n"
               "app = FastAPI()\n\n\n@app.get(\"/price\")\nasync def read_price(code: str) -> float:\n"
               "    await record(code)\n    return await run_in_threadpool(price, code)\n"},
    ),
    Bad(  # in an async dependency, under another name; nothing else is async: the dependency becomes def
        {"main.py": "from time import sleep as pause\n\nfrom fastapi import Depends, FastAPI\n\napp = FastAPI()\n\n\n"
         "def settle() -> None:\n    pause(0.5)\n\n\nasync def ready() -> None:\n    settle()\n\n\n"
         "@app.get(\"/\", dependencies=[Depends(ready)])\ndef index() -> str:\n    return \"ok\"\n"},
        at=("main.py:9",), severity="critical",
    ),
    Bad(  # until the next millisecond
        {"main.py": "import time\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\ndef tick(last: int) -> int:\n"
         "    while (now := int(time.time() * 1000)) <= last:\n        time.sleep(0.0001)\n    return now\n\n\n"
         "@app.get(\"/\")\nasync def index() -> int:\n    return tick(0)\n"},
        at=("main.py:10",), severity="medium",
    ),
    Bad(  # a task is sent over a connection of its own, in the loop
        {
            "app/worker.py": "from celery import Celery\n\nqueue = Celery(\"app\")\n\n\n@queue.task\n"
            "def render(number: int) -> None:\n"
            "    return None\n",
            "app/main.py": "from fastapi import FastAPI\n\nfrom app.store import save\n"
            "from app.worker import render\n\n"
            "app = FastAPI()\n\n\n@app.post(\"/render\")\nasync def start(number: int) -> int:\n"
            "    await save(number)\n"
            "    render.delay(number)\n    return number\n",
            "app/store.py": "async def save(number: int) -> None:\n    return None\n",
        },
        at=("app/main.py:12",), severity="high",
        fixed={"app/main.py": "from fastapi import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n\n"
               "from app.store import save\nfrom app.worker import render\n\n"
               "app = FastAPI()\n\n\n@app.post(\"/render\")\nasync def start(number: int) -> int:\n"
               "    await save(number)\n"
               "    await run_in_threadpool(render.delay, number)\n    return number\n"},
    ),
    Good(  # def handlers run in the thread pool
        {"main.py": "import time\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/slow\")\n"
         "def slow() -> str:\n    time.sleep(1)\n    return \"done\"\n"}, outcome="not_applicable",
    ),
    Good(  # handed to a thread
        {"main.py": "import asyncio\nimport time\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/slow\")\n"
         "async def slow() -> str:\n    await asyncio.to_thread(time.sleep, 1)\n    return \"done\"\n"},
    ),
    Good(  # start-up may block; a script may too
        {"main.py": "import time\nfrom contextlib import asynccontextmanager\n\nfrom fastapi import FastAPI\n\n\n"
         "@asynccontextmanager\nasync def lifespan(app: FastAPI):\n    time.sleep(1)\n    yield\n\n\n"
         "app = FastAPI(lifespan=lifespan)\n\n\n@app.get(\"/\")\nasync def index() -> str:\n    return \"ok\"\n"},
    ),
    Good(  # the same name on an async client
        {"main.py": "import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "async def index() -> int:\n    async with httpx.AsyncClient() as client:\n"
         "        answer = await client.get(\"https://a.example\")\n    return answer.status_code\n"},
    ),
    Good(  # read once: the result is kept
        {"main.py": "from functools import lru_cache\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
         "@lru_cache\ndef terms() -> str:\n    return open(\"terms.txt\").read()\n\n\n@app.get(\"/\")\n"
         "async def index() -> str:\n    return terms()\n"}),
    Bad(  # SQLModel's session, which a dependency lends
        {"main.py": "from typing import Annotated\n\nfrom fastapi import Depends, FastAPI\n"
         "from sqlmodel import Session, create_engine\n\nengine = create_engine(\"postgresql://db/shop\")\n"
         "app = FastAPI()\n\n\ndef lend():\n    with Session(engine) as session:\n        yield session\n\n\n"
         "@app.post(\"/\")\nasync def settle(session: Annotated[Session, Depends(lend)]) -> None:\n"
         "    session.commit()\n"}, at=("main.py:17",), severity="critical"),
    Good(  # asked once: a global keeps the answer
        {"main.py": "import subprocess\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n_version = None\n\n\n"
         "def version() -> str:\n    global _version\n    if _version is not None:\n        return _version\n"
         "    _version = subprocess.run([\"ssh\", \"-V\"], capture_output=True, text=True).stderr\n"
         "    return _version\n\n\n@app.get(\"/\")\nasync def index() -> str:\n    return version()\n"}),
    Good(  # annotated as Session, and the caller hands on an AsyncSession: it fails, and waits for nothing
        {"main.py": "from fastapi import FastAPI\nfrom sqlalchemy.ext.asyncio import AsyncSession\n"
         "from sqlalchemy.orm import Session\n\napp = FastAPI()\n\n\ndef first(db: Session) -> object:\n"
         "    return second(db)\n\n\ndef second(db: Session) -> object:\n    return db.query(int).first()\n\n\n"
         "@app.get(\"/\")\nasync def index() -> object:\n    db = AsyncSession()\n    return first(db=db)\n"}),
    Good(  # annotated as Session, and the dependency gives an AsyncSession
        {"main.py": "from typing import Annotated\n\nfrom fastapi import Depends, FastAPI\n"
         "from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine\n"
         "from sqlalchemy.orm import Session\n\napp = FastAPI()\n"
         "make = async_sessionmaker(create_async_engine(\"postgresql+asyncpg://db/shop\"))\n\n\n"
         "async def get_db():\n    async with make() as session:\n        yield session\n\n\n"
         "@app.get(\"/a\")\nasync def a(db: Session = Depends(get_db)) -> object:\n"
         "    return db.query(int).first()\n\n\n"
         "@app.get(\"/b\")\nasync def b(db: Annotated[Session, Depends(get_db)]) -> None:\n    db.commit()\n"}),
    Good(  # kept by an object, and asked by a query of more than one step
        {"main.py": "from fastapi import FastAPI\nfrom sqlalchemy.ext.asyncio import AsyncSession\n"
         "from sqlalchemy.orm import Session\n\napp = FastAPI()\n\n\nclass Orders:\n"
         "    def __init__(self, db: Session):\n        self.db = db\n\n    def all(self) -> object:\n"
         "        query = self.db.query(int)\n        query = query.filter(True)\n        return query.all()\n\n\n"
         "def count(db: Session) -> int:\n    query = db.query(int)\n    return query.count()\n\n\n"
         "@app.get(\"/a\")\nasync def a() -> object:\n    return Orders(AsyncSession()).all()\n\n\n"
         "@app.get(\"/b\")\nasync def b() -> object:\n    return count(AsyncSession())\n"}),
    Bad(  # one of those who make such an object has a synchronous session
        {"main.py": "from fastapi import FastAPI\nfrom sqlalchemy.ext.asyncio import AsyncSession\n"
         "from sqlalchemy.orm import Session\n\napp = FastAPI()\n\n\nclass Orders:\n"
         "    def __init__(self, db: Session):\n        self.db = db\n\n    def all(self) -> object:\n"
         "        return self.db.query(int).all()\n\n\n"
         "@app.get(\"/a\")\nasync def a() -> object:\n    return Orders(AsyncSession()).all()\n\n\n"
         "@app.get(\"/b\")\nasync def b() -> object:\n    return Orders(Session()).all()\n"},
        at=("main.py:13",), severity="critical"),
    Bad(  # the global is asked for, and then filled anew all the same
        {"main.py": "import subprocess\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n_last = None\n\n\n"
         "def load() -> str:\n    global _last\n    if _last is None:\n        print(\"first\")\n"
         "    _last = subprocess.run([\"uptime\"], capture_output=True, text=True).stdout\n"
         "    return _last\n\n\n@app.get(\"/\")\nasync def index() -> str:\n    return load()\n"},
        at=("main.py:13",)),
    Bad(  # clients of language models and stores that wait: by the module, an object, a database taken by its name
        {"main.py": "import os\n\nimport openai\nfrom fastapi import FastAPI\nfrom pymongo import MongoClient\n"
         "from supabase import create_client\n\napp = FastAPI()\nusers = MongoClient(\"db\")[os.getenv(\"DB\")].users\n"
         "store = create_client(\"https://a.example\", \"key\")\nmodel = openai.OpenAI()\n\n\n"
         "@app.get(\"/a\")\nasync def a() -> object:\n    return users.find_one({})\n\n\n"
         "@app.get(\"/b\")\nasync def b() -> object:\n    return store.table(\"t\").select(\"*\").execute()\n\n\n"
         "@app.get(\"/c\")\nasync def c() -> object:\n    return model.chat.completions.create(model=\"m\")\n\n\n"
         "@app.get(\"/d\")\nasync def d() -> object:\n    return openai.chat.completions.create(model=\"m\")\n"},
        at=("main.py:16", "main.py:21", "main.py:26", "main.py:31"), severity="critical"),
    Bad(  # services of others: payments, pictures, who signed in; a task's result, which a worker makes
        {"main.py": "import cloudinary.uploader\nimport razorpay\nfrom celery import Celery\n"
         "from fastapi import FastAPI\nfrom google.auth.transport import requests\n"
         "from google.oauth2 import id_token\n\n"
         "app = FastAPI()\npay = razorpay.Client(auth=(\"a\", \"b\"))\nqueue = Celery(\"app\")\n\n\n"
         "@queue.task\ndef count() -> int:\n    return 1\n\n\n"
         "@app.get(\"/a\")\nasync def a() -> object:\n    return pay.order.create(data={\"amount\": 1})\n\n\n"
         "@app.get(\"/b\")\nasync def b() -> object:\n    return cloudinary.uploader.upload(b\"\")\n\n\n"
         "@app.get(\"/c\")\nasync def c(token: str) -> object:\n"
         "    return id_token.verify_oauth2_token(token, requests.Request())\n\n\n"
         "@app.get(\"/d\")\nasync def d() -> int:\n    sent = count.delay()\n    return sent.get(timeout=5)\n"},
        at=("main.py:20", "main.py:25", "main.py:30", "main.py:35", "main.py:36")),
    Bad(  # a session that a class keeps; its __init__ is a class method, and fills the class
        {"main.py": "from fastapi import FastAPI\nfrom sqlalchemy import create_engine\n"
         "from sqlalchemy.orm import sessionmaker\n\napp = FastAPI()\n\n\nclass Database:\n    session = None\n\n"
         "    @classmethod\n    def __init__(cls):\n"
         "        make = sessionmaker(create_engine(\"postgresql://db/shop\"))\n"
         "        cls.session = make()\n\n\nDatabase()\n\n\n"
         "@app.get(\"/\")\nasync def index() -> object:\n    return Database.session.query(int).first()\n"},
        at=("main.py:22",), severity="critical"),
    Bad(  # a query that conditions add to
        {"main.py": "from fastapi import FastAPI\nfrom sqlalchemy.orm import Session\n\napp = FastAPI()\n\n\n"
         "def find(db: Session, **wanted: int) -> list[int]:\n    query = db.query(int)\n"
         "    for name, value in wanted.items():\n        if value:\n"
         "            query = query.filter_by(**{name: value})\n    return query.all()\n\n\n"
         "@app.get(\"/\")\nasync def index(size: int = 0) -> list[int]:\n    return find(Session(), size=size)\n"},
        at=("main.py:12",), severity="critical"),
    Bad(  # Firestore's plain client; the reference alone asks nothing
        {"main.py": "from fastapi import FastAPI\nfrom firebase_admin import firestore\n\napp = FastAPI()\n"
         "db = firestore.client()\n\n\n@app.get(\"/{key}\")\nasync def one(key: str) -> object:\n"
         "    found = db.collection(\"users\").document(key)\n    return found.get().to_dict()\n"},
        at=("main.py:11",), severity="critical"),
    Bad(  # an asynchronous generator runs in the loop, whoever asks it for more; a plain one where it is gone through
        {"main.py": "import time\n\nfrom fastapi import FastAPI\nfrom fastapi.responses import StreamingResponse\n\n"
         "app = FastAPI()\n\n\nasync def pieces():\n    time.sleep(1)\n    yield b\"a\"\n\n\n"
         "def lines():\n    time.sleep(1)\n    yield \"a\"\n\n\n"
         "@app.get(\"/a\")\nasync def a() -> StreamingResponse:\n    return StreamingResponse(pieces())\n\n\n"
         "@app.get(\"/b\")\nasync def b() -> list[str]:\n    return list(lines())\n"},
        at=("main.py:10", "main.py:15"), severity="critical"),
    Good(  # Starlette goes through a plain generator in its thread pool
        {"main.py": "import time\n\nfrom fastapi import FastAPI\nfrom fastapi.responses import StreamingResponse\n\n"
         "app = FastAPI()\n\n\ndef pieces(size: int):\n    time.sleep(size)\n    yield b\"a\"\n\n\n"
         "def two():\n    time.sleep(2)\n    yield b\"a\"\n\n\ndef other():\n    return two()\n\n\n"
         "@app.get(\"/a\")\nasync def a() -> StreamingResponse:\n    return StreamingResponse(content=pieces(1))\n\n\n"
         "@app.get(\"/b\")\nasync def b() -> StreamingResponse:\n    given = pieces(2)\n"
         "    return StreamingResponse(given, media_type=\"text/plain\")\n\n\n"
         "@app.get(\"/c\")\nasync def c() -> StreamingResponse:\n    return StreamingResponse(other())\n"}),
    Bad(  # coroutines that the loop runs beside others
        {"main.py": "import asyncio\nimport time\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
         "async def one() -> None:\n    time.sleep(1)\n\n\nasync def two() -> None:\n    time.sleep(2)\n\n\n"
         "async def three() -> None:\n    time.sleep(3)\n\n\n"
         "@app.post(\"/\")\nasync def start(wanted: list[int]) -> None:\n"
         "    await asyncio.gather(*[one() for _ in wanted])\n    work = []\n    work.append(two())\n"
         "    await asyncio.gather(*work)\n    await asyncio.wait_for(three(), 5)\n"},
        at=("main.py:10", "main.py:14", "main.py:18"), severity="critical"),
    Good(  # what they work out themselves
        {"main.py": "import cloudinary\nimport razorpay\nfrom fastapi import FastAPI\n\napp = FastAPI()\n"
         "pay = razorpay.Client(auth=(\"a\", \"b\"))\n\n\n@app.get(\"/a\")\nasync def a() -> object:\n"
         "    pay.utility.verify_payment_signature({\"razorpay_signature\": \"\"})\n"
         "    return cloudinary.CloudinaryImage(\"a\").build_url()\n"}),
    Good(  # their asynchronous kin, and a query that is put together only
        {"main.py": "from fastapi import FastAPI\nfrom motor.motor_asyncio import AsyncIOMotorClient\n"
         "from openai import AsyncOpenAI\nfrom supabase import create_client\n\napp = FastAPI()\n"
         "model = AsyncOpenAI()\nusers = AsyncIOMotorClient(\"db\")[\"shop\"].users\n"
         "store = create_client(\"https://a.example\", \"key\")\n\n\n"
         "@app.get(\"/a\")\nasync def a() -> object:\n    store.table(\"t\").select(\"*\").eq(\"a\", 1)\n"
         "    await users.find_one({})\n    return await model.chat.completions.create(model=\"m\", messages=[])\n"}),
)
