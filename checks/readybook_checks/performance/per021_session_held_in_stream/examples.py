"""Examples of PER021."""

from __future__ import annotations

from readybook import Bad, Good

HEAD = """import asyncio

from fastapi import Depends, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://db/shop")
sessions = async_sessionmaker(engine)
app = FastAPI()


async def get_db():
    async with sessions() as session:
        yield session


async def ticks():
    while True:
        yield "tick"
        await asyncio.sleep(1)


async def rows(db: AsyncSession):
    for n in range(3):
        await db.execute(text("SELECT 1"))
        yield str(n)


"""
TICKS = """@app.get("/ticks")
async def watch(db: AsyncSession = Depends(get_db{scope})):
    await db.execute(text("SELECT 1"))
    return StreamingResponse(ticks())
"""
ROWS = """@app.get("/rows")
async def all_rows(db: AsyncSession = Depends(get_db)):
    return StreamingResponse(rows(db))
"""
SOCKET = """@app.websocket("/ws")
async def talk(ws: WebSocket, db: AsyncSession = Depends(get_db)):
    while True:
        await db.execute(text(await ws.receive_text()))
"""
NEW, OLD = {"requirements.txt": "fastapi==0.165.0\n"}, {"requirements.txt": "fastapi==0.115.2\n"}


def _files(body: str, **more: str) -> dict[str, str]:
    return {"main.py": HEAD + body, **more}


EXAMPLES = (
    Bad({**_files(TICKS.format(scope="")), **NEW}, at=("main.py:33",), severity="high",
        fixed={"main.py": HEAD + TICKS.format(scope=", scope=\"function\"")}),
    Bad({**_files(ROWS), **NEW}, at=("main.py:32",), severity="medium"),
    Bad({**_files(ROWS), **OLD}, at=("main.py:32",), severity="high"),
    Bad(_files(SOCKET), at=("main.py:31",), severity="high"),
    Bad(  # through another dependency, in a function inside the handler
        {**_files("async def user(db: AsyncSession = Depends(get_db)):\n    return await db.get(object, 1)\n\n\n"
                  "@app.get(\"/events\")\nasync def events(who=Depends(user)):\n    async def stream():\n"
                  "        while True:\n            yield \"x\"\n\n    return StreamingResponse(stream())\n"), **NEW},
        at=("main.py:40",), severity="high"),
    Good({**_files(TICKS.format(scope="")), **OLD}),
    Good({**_files(TICKS.format(scope="").replace("    return", "    await db.commit()\n    return")), **NEW}),
    Good({**_files("@app.get(\"/rows\")\nasync def all_rows():\n    async def stream():\n"
                   "        async with sessions() as db:\n"
                   "            yield str(await db.scalar(text(\"SELECT 1\")))\n\n"
                   "    return StreamingResponse(stream())\n"), **NEW}),
    Good(  # the other dependency closes it
        {**_files("async def user(db: AsyncSession = Depends(get_db)):\n    await db.get(object, 1)\n"
                  "    await db.close()\n\n\n@app.get(\"/events\", dependencies=[Depends(user)])\n"
                  "async def events():\n    return StreamingResponse(ticks())\n"), **NEW}),
    Good({**_files(TICKS.format(scope=", scope=\"function\"")), **NEW}),
    Good({**_files("@app.get(\"/file\")\nasync def file(db: AsyncSession = Depends(get_db)):\n"
                   "    data = await db.scalar(text(\"SELECT 1\"))\n"
                   "    return StreamingResponse(iter([data]))\n"), **NEW},
         outcome="not_applicable"),
)
