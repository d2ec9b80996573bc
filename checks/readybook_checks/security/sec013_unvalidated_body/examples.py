"""Examples of SEC013."""

from __future__ import annotations

from readybook import Bad, Good

HEAD = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
ADD = "@app.post(\"/items\")\ndef add_item({0}) -> dict:\n    name = {1}.strip()\n    price = float({2})\n" \
    "    if {3}:\n        name += \"!\"\n    return {{\"name\": name, \"price\": price, \"tags\": {4}}}\n"
MODEL = "class AddItemBody(BaseModel):\n    \"\"\"What add_item reads of its body.\"\"\"\n\n    name: str\n" \
    "    price: float\n    loud: bool = False\n    tags: Any = None\n"
EXAMPLES = (
    Bad(
        {"main.py": HEAD + ADD.format("body: dict", "body[\"name\"]", "body[\"price\"]", "body.get(\"loud\", False)",
                                      "body.get('tags')")},
        at=("main.py:7",), severity="medium",
        fixed={"main.py": "from typing import Any\n\nfrom fastapi import FastAPI\nfrom pydantic import BaseModel\n\n\n"
               + MODEL + "\n\napp = FastAPI()\n\n\n"
               + ADD.format("body: AddItemBody", "body.name", "body.price", "body.loud", "body.tags")},
    ),
    Bad(  # used as a whole: a person says what is meant
        {"main.py": "from typing import Any, Dict\n\n" + HEAD + "@app.put(\"/items/{item_id}\")\n"
         "def change(item_id: int, patch: Dict[str, Any]):\n    return {**patch, \"id\": item_id, "
         "\"n\": patch[\"n\"]}\n"},
        at=("main.py:9",), severity="medium",
    ),
    Bad(  # by hand, and without a type
        {"main.py": "from fastapi import Body, FastAPI, Request\n\napp = FastAPI()\n\n\n@app.post(\"/a\")\n"
         "async def a(request: Request):\n    data = await request.json()\n    return data[\"x\"]\n\n\n"
         "@app.post(\"/b\")\ndef b(data=Body()):\n    return data\n\n\n"
         "@app.post(\"/c\")\ndef c(data: list[dict]):\n    return data\n"},
        at=("main.py:8", "main.py:13", "main.py:18"),
    ),
    Good(  # a model through an alias, typed values, one scalar in the body, a dependency that takes the model
        {"main.py": "from typing import Annotated\n\nfrom fastapi import Body, Depends, FastAPI\n"
         "from models import Item as Thing\n\napp = FastAPI()\nMany = list[Thing]\n\n\n"
         "def given(thing: Thing) -> Thing:\n    return thing\n\n\n"
         "@app.post(\"/a\")\ndef a(things: Many, prices: dict[str, float]): ...\n\n\n"
         "@app.post(\"/b\")\ndef b(word: Annotated[str, Body(embed=True)]): ...\n\n\n"
         "@app.post(\"/c\")\ndef c(thing: Thing = Depends(given)): ...\n",
         "models.py": "from pydantic import BaseModel\n\n\nclass Item(BaseModel):\n    name: str\n"}),
    Good(  # by hand, then by the model; and a body whose signature is checked
        {"main.py": "import hmac\n\nfrom fastapi import FastAPI, Request\nfrom pydantic import BaseModel\n\n"
         "app = FastAPI()\n\n\nclass Item(BaseModel):\n    name: str\n\n\n@app.post(\"/a\")\n"
         "async def a(request: Request):\n    return Item.model_validate(await request.json())\n\n\n"
         "@app.post(\"/payments\")\nasync def b(request: Request):\n    raw = await request.body()\n"
         "    if not hmac.compare_digest(raw, b\"\"):\n        raise ValueError\n    return await request.json()\n"}),
    Good(  # the sender's shape, and a read
        {"main.py": HEAD + "@app.post(\"/webhooks/shop\")\ndef hook(event: dict):\n    return event\n\n\n"
         "@app.get(\"/\")\ndef index():\n    return 1\n"}, outcome="not_applicable"),
    Good({"main.py": HEAD + "@app.get(\"/\")\ndef index():\n    return 1\n"}, outcome="not_applicable"),
    Good(  # a dependency looks into the same body, which the handler takes as a model
        {"main.py": "from fastapi import Depends, FastAPI\nfrom pydantic import BaseModel\n\napp = FastAPI()\n\n\n"
         "class Item(BaseModel):\n    name: str\n\n\ndef allowed(body: dict | None = None) -> None:\n    pass\n\n\n"
         "@app.put(\"/a\")\ndef a(body: Item, ok: None = Depends(allowed)) -> str:\n    return body.name\n"}),
)
