"""Examples of PER019."""

from __future__ import annotations

from readybook import Bad, Good

MODELS = """from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list["Order"]] = relationship(back_populates="user"{lazy})


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    user: Mapped[User] = relationship(back_populates="orders")
"""
IMPORTS = """from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession{more}

from models import User

app = FastAPI()


class Out(BaseModel):
    id: int
    orders: list[int]


"""
HEAD = IMPORTS.format(more="")
LOADED = IMPORTS.format(more="\nfrom sqlalchemy.orm import selectinload")
MAKER = """from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://db/shop")
sessions = async_sessionmaker(engine{keep})
"""
POST = ("@app.post(\"/users\")\nasync def make(db: AsyncSession, name: str):\n    user = User(name=name)\n"
        "    db.add(user)\n")


def _files(body: str, head: str = HEAD, lazy: str = "", **more: str) -> dict[str, str]:
    return {"models.py": MODELS.format(lazy=lazy), "main.py": head + body, **{f"{k}.py": v for k, v in more.items()}}


RENAME = (
    "async def get_user(db: AsyncSession, key: int):\n"
    "    found = await db.execute(select(User).options(selectinload(User.orders)).where(User.id == key))\n"
    "    return found.scalar_one_or_none()\n\n\n"
    "async def plain(db: AsyncSession, key: int):\n    found = await db.execute(select(User).where(User.id == key))\n"
    "    return found.scalar_one_or_none()\n\n\n"
    "async def rename(db: AsyncSession, key: int):\n    await db.commit()\n"
    "    found = await db.execute(select(User).where(User.id == key))\n    return found.scalar_one()\n\n\n"
    "@app.put(\"/users/{{key}}\", response_model=Out)\nasync def put(db: AsyncSession, key: int):\n"
    "    user = await {get}(db, key)\n    if not user:\n        return None\n    return await rename(db, key)\n")

EXAMPLES = (
    Bad(_files("async def of(db: AsyncSession):\n    users = (await db.scalars(select(User))).all()\n"
               "    return [len(u.orders) for u in users]\n"),
        at=("main.py:18",), severity="high",
        fixed={"main.py": LOADED + "async def of(db: AsyncSession):\n"
               "    users = (await db.scalars(select(User).options(selectinload(User.orders)))).all()\n"
               "    return [len(u.orders) for u in users]\n"}),
    Bad(  # the response model reads it
        _files("@app.get(\"/users/{key}\", response_model=Out)\nasync def one(db: AsyncSession, key: int):\n"
               "    return await db.get(User, key)\n"),
        at=("main.py:17",), severity="high",
        fixed={"main.py": LOADED + "@app.get(\"/users/{key}\", response_model=Out)\n"
               "async def one(db: AsyncSession, key: int):\n"
               "    return await db.get(User, key, options=[selectinload(User.orders)])\n"}),
    Bad(  # answered after the commit that expired it
        _files(POST + "    await db.commit()\n    return {\"id\": user.id}\n", db=MAKER.format(keep="")),
        at=("db.py:4",), severity="high",
        fixed={"db.py": MAKER.format(keep=", expire_on_commit=False")}),
    Bad(_files(POST + "    await db.commit()\n    await db.refresh(instance=user)\n    return user\n",
               db=MAKER.format(keep="")),
        at=("db.py:4",), severity="low"),
    Bad(  # a function away, on one object
        _files("async def first(db: AsyncSession):\n    result = await db.execute(select(User))\n"
               "    return result.scalar_one_or_none()\n\n\nasync def of(db: AsyncSession):\n"
               "    user = await first(db)\n    return user.orders\n"),
        at=("main.py:23",), severity="high"),
    Good(_files("async def of(db: AsyncSession):\n"
                "    users = (await db.scalars(select(User).options(selectinload(User.orders)))).all()\n"
                "    return [len(u.orders) for u in users]\n", LOADED)),
    Good(_files("async def of(db: AsyncSession):\n    users = (await db.scalars(select(User))).all()\n"
                "    return [len(u.orders) for u in users]\n", lazy=", lazy=\"selectin\"")),
    Good(_files("async def of(db: AsyncSession):\n    user = await db.get(User, 1)\n"
                "    await db.refresh(user, [\"orders\"])\n    return user.orders\n")),
    Good(_files(POST + "    await db.commit()\n    return user\n", db=MAKER.format(keep=", expire_on_commit=False"))),
    Good(_files("async def again(db: AsyncSession, one, names: list[str] | None = None) -> None:\n"
                "    await db.refresh(one, attribute_names=names)\n\n\n"
                "async def of(db: AsyncSession):\n    user = await db.get(User, 1)\n"
                "    await again(db, user, names=[\"orders\"])\n    return user.orders\n")),
    Good(_files(RENAME.format(get="get_user"), LOADED, db=MAKER.format(keep=", expire_on_commit=False"))),
    Bad(  # what the handler loaded before came without it; and where a commit expires it
        _files(RENAME.format(get="plain"), LOADED, db=MAKER.format(keep=", expire_on_commit=False")),
        at=("main.py:34",), severity="high"),
    Bad(_files(RENAME.format(get="get_user"), LOADED, db=MAKER.format(keep="")),
        at=("db.py:4", "main.py:34"), severity="high"),
    Good(_files("async def of(db: AsyncSession, orders: bool = True):\n    loads = []\n    if orders:\n"
                "        loads.append(selectinload(User.orders))\n"
                "    users = (await db.scalars(select(User).options(*loads))).all()\n"
                "    return [o.id for u in users for o in u.orders]\n", LOADED), outcome="not_applicable"),
    Bad(  # the session that the function makes for itself, not another one, nor the object that was deleted
        {**_files(""), "main.py": _files(
            "from sqlalchemy.ext.asyncio import create_async_engine\n\n"
            "engine = create_async_engine(\"postgresql+asyncpg://localhost/shop\")\n\n\n"
            "async def drop(db: AsyncSession, key: int):\n    user = await db.get(User, key)\n"
            "    await db.delete(user)\n    await db.commit()\n    return user.id\n\n\n"
            "async def note():\n    async with AsyncSession(engine) as db:\n        db.add(User())\n"
            "        await db.commit()\n\n\n"
            "async def touch(key: int):\n    async with AsyncSession(engine) as db:\n"
            "        user = await db.get(User, key)\n        await db.commit()\n        return user.id\n")["main.py"]},
        at=("main.py:35",), severity="high"),
    Good(  # options inside of options
        _files("async def of(db: AsyncSession):\n"
               "    query = select(Order).options(selectinload(Order.user).options(selectinload(User.orders)))\n"
               "    return [len(o.user.orders) for o in (await db.scalars(query)).all()]\n",
               LOADED.replace("import User", "import Order, User"))),
    Good(  # awaited attributes, and a session that is not asynchronous
        _files("from sqlalchemy.orm import Session\n\n\nasync def of(db: AsyncSession):\n"
               "    user = await db.get(User, 1)\n    return await user.awaitable_attrs.orders\n\n\n"
               "def plain(db: Session):\n    return db.get(User, 1).orders\n"), outcome="not_applicable"),
    Good(  # a method that an AsyncSession has not: nothing is read
        _files("async def of(db: AsyncSession):\n    user = db.query(User).first()\n    return user.orders\n"),
        outcome="not_applicable"),
)
