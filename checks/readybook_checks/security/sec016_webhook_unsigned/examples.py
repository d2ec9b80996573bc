"""Examples of SEC016."""

from __future__ import annotations

from readybook import Bad, Good
from readybook_checks.security.sec016_webhook_unsigned.senders import STRIPE

CONFIG = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    name: str = \"shop\"\n" \
    "{0}\n\nsettings = Settings()\n"
MAIN = "from fastapi import FastAPI\n\nfrom app import payments\n\napp = FastAPI()\n" \
    "app.include_router(payments.router)\n"
HOOK = "from fastapi import APIRouter{0}, Request\n\n{1}router = APIRouter()\n\n\n" \
    "@router.post(\"/stripe/webhook\"{2})\nasync def paid(request: Request) -> None:\n    print(await request.json())\n"
HEAD = "import hmac\n\nfrom fastapi import Depends, FastAPI, Header, HTTPException, Request\n\napp = FastAPI()\n\n\n"
STRIPE_MODULE = STRIPE.module().replace("{setting:stripe_webhook_secret}", "settings.stripe_webhook_secret")
EXAMPLES = (
    Bad(
        {"app/__init__.py": "", "app/config.py": CONFIG.format(""), "app/main.py": MAIN,
         "app/payments.py": HOOK.format("", "", "")},
        at=("app/payments.py:7",), severity="medium",
        fixed={
            "app/config.py": CONFIG.format("    stripe_webhook_secret: str = \"\"\n"),
            "app/payments.py": HOOK.format(", Depends", "from app.stripe_signature import signed_by_stripe\n\n",
                                           ", dependencies=[Depends(signed_by_stripe)]"),
            "app/stripe_signature.py": STRIPE_MODULE.replace(
                "import HTTPException, Request, status\n", "import HTTPException, Request, status\n\n"
                "from app.config import settings\n"),
        },
    ),
    Bad(  # a sender of one's own, whose body a model checks; one handler for two addresses
        {"main.py": "from fastapi import FastAPI\nfrom pydantic import BaseModel\n\napp = FastAPI()\n\n\n"
         "class Event(BaseModel):\n    kind: str\n\n\n@app.post(\"/hooks/orders\")\n@app.post(\"/hook\")\n"
         "def order_hook(event: Event) -> str:\n    return event.kind\n", "requirements.txt": "fastapi\n"},
        at=("main.py:13", "main.py:13"), severity="medium",
    ),
    Bad(  # a sender with a package of its own; comparing with == is no check that could be seen
        {"main.py": "from fastapi import FastAPI, Form\n\napp = FastAPI()\n\n\n@app.post(\"/twilio/callback\")\n"
         "def sms(Body: str = Form()) -> str:\n    return Body\n"},
        at=("main.py:7",), severity="medium",
    ),
    Bad(  # the sender's name begins like a verb
        {"main.py": HEAD + "@app.post(\"/mail-events\")\nasync def sendgrid_webhook(request: Request):\n"
         "    return await request.json()\n"}, at=("main.py:9",), severity="medium"),
    Good(  # this service sends one, to try it
        {"main.py": HEAD + "@app.post(\"/shops/try\")\nasync def send_test_webhook(request: Request):\n"
         "    return await request.json()\n"}, outcome="not_applicable"),
    Good(  # in a dependency, two calls away
        {"main.py": HEAD + "def matches(body: bytes, given: str) -> bool:\n"
         "    return hmac.compare_digest(hmac.new(b\"\", body, \"sha256\").hexdigest(), given)\n\n\n"
         "async def signed(request: Request, x_hub_signature_256: str = Header()) -> None:\n"
         "    if not matches(await request.body(), x_hub_signature_256):\n        raise HTTPException(400)\n\n\n"
         "@app.post(\"/github/webhook\", dependencies=[Depends(signed)])\nasync def push(request: Request): ...\n"}),
    Good(  # the sender's package, under another name
        {"main.py": HEAD + "from stripe import Webhook as Hook\n\n\n@app.post(\"/webhook\")\n"
         "async def paid(request: Request):\n"
         "    return Hook.construct_event(await request.body(), request.headers[\"stripe-signature\"], \"\")\n"}),
    Good(  # users keep addresses here; a sign-in comes back; a GET answers a challenge
        {"main.py": HEAD + "from pydantic import BaseModel\n\n\nclass Subscription(BaseModel):\n    url: str\n\n\n"
         "@app.post(\"/webhooks\")\ndef keep(new: Subscription): ...\n\n\n"
         "@app.post(\"/auth/callback\")\ndef back(code: str): ...\n\n\n"
         "@app.get(\"/webhook\")\ndef challenge(): ...\n"}, outcome="not_applicable"),
    Good(  # a delivery that was kept is worked through again
        {"main.py": HEAD + "@app.post(\"/admin/webhooks/{key}/reprocess\")\ndef again(key: str): ...\n"},
        outcome="not_applicable"),
    Good(  # a token that is read, in a way that cannot be followed
        {"main.py": HEAD + "@app.post(\"/webhook\")\ndef hook(x_token: str = Header()):\n    return x_token\n"},
        outcome="unknown"),
    Good(  # what became of the payment is read at the sender's own service
        {"main.py": HEAD + "import httpx\n\n\ndef get_payment(key: str) -> dict:\n"
         "    return httpx.get(f\"https://api.example.com/payments/{key}\").json()\n\n\n"
         "@app.post(\"/payments/webhook\")\ndef hook(body: dict) -> None:\n    print(get_payment(body[\"id\"]))\n"},
        outcome="unknown"),
)
