"""Examples of SEC019."""

from __future__ import annotations

from readybook import Bad, Good

PYJWT = "from datetime import datetime, timedelta, timezone\n\nimport jwt\n\n" \
    "KEY = open(\"/run/secrets/key\").read()\n\n\n"
JOSE = PYJWT.replace("import jwt", "from jose import jwt")
EXAMPLES = (
    Bad(
        {"auth.py": JOSE + "def make(sub: str) -> str:\n    exp = datetime.now(timezone.utc) + timedelta(minutes=15)\n"
         "    return jwt.encode({\"sub\": sub, \"exp\": exp}, KEY, algorithm=\"HS512\")\n\n\n"
         "def read(token: str) -> dict:\n    return jwt.decode(token, KEY)\n"},
        at=("auth.py:14",), severity="high",
        fixed={"auth.py": JOSE + "def make(sub: str) -> str:\n"
               "    exp = datetime.now(timezone.utc) + timedelta(minutes=15)\n"
               "    return jwt.encode({\"sub\": sub, \"exp\": exp}, KEY, algorithm=\"HS512\")\n\n\n"
               "def read(token: str) -> dict:\n    return jwt.decode(token, KEY, algorithms=[\"HS512\"])\n"},
    ),
    Bad(  # the switch that reads anybody's token
        {"auth.py": PYJWT + "def read(token: str) -> dict:\n"
         "    return jwt.decode(token, KEY, algorithms=[\"HS256\"], options={\"verify_signature\": False})\n"},
        at=("auth.py:9",), severity="critical",
        fixed={"auth.py": PYJWT + "def read(token: str) -> dict:\n"
               "    return jwt.decode(token, KEY, algorithms=[\"HS256\"])\n"},
    ),
    Bad(  # no end, and a subject that is refused when it is read
        {"auth.py": PYJWT + "def make(user_id: int) -> str:\n    claims = {\"sub\": user_id, \"role\": \"user\"}\n"
         "    return jwt.encode(claims, KEY, algorithm=\"HS256\")\n"},
        at=("auth.py:10", "auth.py:10"), severity="high",
    ),
    Bad(  # eight days, through a setting in another module
        {"conf.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    minutes: int = 60 * 24 * 8\n\n\nsettings = Settings()\n",
         "auth.py": PYJWT + "def make(sub: str, delta: timedelta) -> str:\n"
         "    claims = {\"sub\": sub, \"exp\": datetime.now(timezone.utc) + delta}\n"
         "    return jwt.encode(claims, KEY, algorithm=\"HS256\")\n",
         "login.py": "from datetime import timedelta\n\nfrom auth import make\nfrom conf import settings\n\n\n"
         "def login(name: str) -> str:\n    return make(name, timedelta(minutes=settings.minutes))\n"},
        at=("login.py:8",), severity="medium",
    ),
    Bad(  # a library whose upkeep is thin
        {"requirements.txt": "fastapi==0.115.0\npython-jose==3.5.0\n",
         "auth.py": JOSE + "def read(token: str) -> dict:\n    return jwt.decode(token, KEY, [\"HS256\"])\n"},
        at=("requirements.txt:2",), severity="medium",
    ),
    Good(  # which token it is, to refuse it from now on
        {"auth.py": JOSE + "def key_of(token: str) -> str:\n    claims = jwt.get_unverified_claims(token)\n"
         "    return f\"{claims['jti']}:{claims.get('exp')}\"\n"}, outcome="unknown"),
    Bad(  # and whose
        {"auth.py": JOSE + "def key_of(token: str) -> str:\n    claims = jwt.get_unverified_claims(token)\n"
         "    return f\"{claims['jti']}:{claims.get('sub')}\"\n"}, at=("auth.py:9",), severity="critical"),
    Good(
        {"auth.py": PYJWT + "def make(data: dict) -> str:\n    claims = data.copy()\n"
         "    claims.update({\"exp\": datetime.now(timezone.utc) + timedelta(minutes=15)})\n"
         "    return jwt.encode(claims, KEY, algorithm=\"HS256\")\n\n\n"
         "def read(token: str) -> dict:\n    return jwt.decode(token, KEY, algorithms=[\"HS256\"])\n"},
    ),
    Good(  # looked into to choose the key, then verified
        {"auth.py": PYJWT + "def read(token: str, keys: dict) -> dict:\n"
         "    issuer = jwt.decode(token, options={\"verify_signature\": False})[\"iss\"]\n"
         "    return jwt.decode(token, keys[issuer], algorithms=[\"RS256\"])\n"},
    ),
    Good(  # refused as one that has expired, and read again for the session that ends with it
        {"auth.py": PYJWT + "def read(token: str, sessions: dict) -> dict:\n    try:\n"
         "        return jwt.decode(token, KEY, algorithms=[\"HS256\"])\n    except jwt.ExpiredSignatureError:\n"
         "        old = jwt.decode(token, KEY, algorithms=[\"HS256\"], options={\"verify_exp\": False})\n"
         "        sessions.pop(old[\"sid\"], None)\n        raise PermissionError(\"expired\")\n"}),
    Bad(  # and taken all the same
        {"auth.py": PYJWT + "def read(token: str) -> dict:\n    try:\n"
         "        return jwt.decode(token, KEY, algorithms=[\"HS256\"])\n    except jwt.ExpiredSignatureError:\n"
         "        old = jwt.decode(token, KEY, algorithms=[\"HS256\"], options={\"verify_exp\": False})\n"
         "        return old\n"}, at=("auth.py:12",), severity="high"),
    Good(  # the long one of two is the refresh token's
        {"auth.py": PYJWT + "def make(sub: str, delta: timedelta) -> str:\n"
         "    claims = {\"sub\": sub, \"exp\": datetime.now(timezone.utc) + delta}\n"
         "    return jwt.encode(claims, KEY, algorithm=\"HS256\")\n\n\n"
         "def make_two(sub: str) -> tuple[str, str]:\n    short = timedelta(minutes=15)\n"
         "    for_refresh = timedelta(days=30)\n    return make(sub, short), make(sub, for_refresh)\n"}),
    Good(  # asked for its shape only
        {"auth.py": PYJWT + "def is_token(text: str) -> bool:\n    try:\n"
         "        jwt.decode(text, options={\"verify_signature\": False})\n    except jwt.InvalidTokenError:\n"
         "        return False\n    return True\n"},
    ),
    Good(  # who calls is written to the log, and nothing else
        {"auth.py": PYJWT + "def caller(token: str) -> str:\n"
         "    claims = jwt.decode(token, options={\"verify_signature\": False})\n"
         "    return claims[\"tenant\"]\n\n\nclass LoggingMiddleware:\n    def dispatch(self, token: str):\n"
         "        print(caller(token))\n"}, outcome="unknown"),
    Good(  # the algorithm is a variable without a default, which a deployment sets
        {"auth.py": "import os\n" + PYJWT + "def make(sub: str, end: datetime) -> str:\n"
         "    return jwt.encode({\"sub\": sub, \"exp\": end}, KEY, algorithm=os.getenv(\"JWT_ALGORITHM\"))\n"}),
    Good(  # the project's own claim
        {"auth.py": PYJWT + "def make(sub: str) -> str:\n"
         "    claims = {\"sub\": sub, \"expires\": datetime.now(timezone.utc).timestamp() + 900}\n"
         "    return jwt.encode(claims, KEY, algorithm=\"HS256\")\n"},
        outcome="unknown",
    ),
    Good(  # the claims come from elsewhere
        {"auth.py": PYJWT + "def make(claims: dict) -> str:\n"
         "    return jwt.encode(claims, KEY, algorithm=\"HS256\")\n"},
        outcome="unknown",
    ),
    Good(  # the function asks for the end itself, a key of the API has one of its own, a command shows its user's token
        {"auth.py": PYJWT + "def read(token: str) -> dict:\n"
         "    claims = jwt.decode(token, KEY, algorithms=[\"HS256\"], options={\"verify_exp\": False})\n"
         "    if claims[\"exp\"] + 60 < datetime.now(timezone.utc).timestamp():\n        raise ValueError(token)\n"
         "    return claims\n\n\ndef read_api_key(key: str) -> dict:\n"
         "    return jwt.decode(key, KEY, algorithms=[\"HS256\"], options={\"verify_exp\": False})\n",
         "cli.py": "import click\nimport jwt\n\n\n@click.command()\ndef show(token: str) -> None:\n"
         "    claims = jwt.decode(token, options={\"verify_signature\": False})\n    click.echo(str(claims))\n"},
        outcome="unknown"),
    Good(  # for whom it is
        {"auth.py": PYJWT + "def is_mobile(token: str) -> bool:\n"
         "    claims = jwt.decode(token, options={\"verify_signature\": False})\n    audience = claims.get(\"aud\")\n"
         "    return audience == \"mobile\"\n"}, outcome="unknown"),
    Good(  # the signature is verified step by step
        {"auth.py": "from jose import jwk, jwt\n\n\ndef checked(token: str, key: dict) -> None:\n"
         "    message, signature = token.rsplit(\".\", 1)\n"
         "    if not jwk.construct(key).verify(message.encode(), signature.encode()):\n"
         "        raise ValueError(token)\n\n\ndef read(token: str, key: dict) -> dict:\n    checked(token, key)\n"
         "    return jwt.get_unverified_claims(token)\n"}),
    Bad(  # the password is
        {"auth.py": "from jose import jwt\nfrom passlib.context import CryptContext\n\npasswords = CryptContext()\n"
         "\n\ndef read(token: str, password: str, known: str) -> dict:\n    passwords.verify(password, known)\n"
         "    return jwt.get_unverified_claims(token)\n"}, at=("auth.py:9",), severity="critical"),
    Good({"main.py": "import json\n\njson.loads(\"{}\")\n"}, outcome="not_applicable"),
    Good(  # straight from the service that makes it
        {"auth.py": PYJWT.replace("import jwt", "import httpx\nimport jwt")
         + "def back(code: str) -> dict:\n"
         "    answer = httpx.post(\"https://id.example.com/token\", data={\"code\": code})\n"
         "    return jwt.decode(answer.json()[\"id_token\"], options={\"verify_signature\": False})\n"},
        outcome="unknown"),
    Good(  # by whose count a request goes
        {"auth.py": PYJWT + "def rate_limit_key(token: str) -> str:\n"
         "    return jwt.decode(token, options={\"verify_signature\": False})[\"sub\"]\n"}, outcome="unknown"),
    Good(  # another function puts the claims together
        {"auth.py": PYJWT + "def claims(sub):\n    return {\"sub\": sub, \"exp\": 1800000000}\n\n\n"
         "def make(sub):\n    return jwt.encode(claims(sub), KEY, algorithm=\"HS256\")\n"}),
)
