"""Examples of SEC020."""

from __future__ import annotations

from readybook import Bad, Good
from readybook_checks.security.sec020_weak_password_hash.curing import template

HASH = "import hashlib\n\n\ndef hash_password(password: str) -> str:\n" \
    "    return hashlib.sha256(password.encode()).hexdigest()\n"
CHECK = "\n\ndef verify_password(password: str, stored: str) -> bool:\n    return hash_password(password) == stored\n"
ARGON = "from app.password_hashing import argon2_hash\n\n\ndef hash_password(password: str) -> str:\n" \
    "    return argon2_hash(password)\n"
MATCH = "\n\ndef verify_password(password: str, stored: str) -> bool:\n    return password_matches(password, stored)\n"
LOGIN = "from app.security import hash_password\n\n\ndef sign_in(user, form):\n" \
    "    if user.password_hash != hash_password(form.password):\n        raise ValueError\n"
EXAMPLES = (
    Bad(
        {"app/__init__.py": "", "app/security.py": HASH + CHECK, "requirements.txt": "fastapi\n"},
        at=("app/security.py:5",), severity="critical",
        fixed={"app/password_hashing.py": template("sha256"), "requirements.txt": "fastapi\npwdlib[argon2]>=0.2.1,<1\n",
               "app/security.py": ARGON.replace("argon2_hash\n\n", "argon2_hash, password_matches\n\n", 1) + MATCH},
    ),
    Bad(  # compared where somebody signs in
        {"app/__init__.py": "", "app/security.py": HASH.replace("sha256", "md5"), "app/login.py": LOGIN,
         "requirements.txt": "fastapi\n"},
        at=("app/security.py:5",), severity="critical",
        fixed={"app/password_hashing.py": template("md5"), "requirements.txt": "fastapi\npwdlib[argon2]>=0.2.1,<1\n",
               "app/security.py": ARGON,
               "app/login.py": LOGIN.replace("import hash_password\n", "import hash_password\n").replace(
                   "from app.security", "from app.password_hashing import password_matches\nfrom app.security").replace(
                   "user.password_hash != hash_password(form.password)",
                   "not password_matches(form.password, user.password_hash)")},
    ),
    Bad(  # a salt does not make it slow; the name of the module is another one
        {"users.py": "import hashlib as h\n\n\ndef register(username, password, salt):\n    data = salt + password\n"
         "    return {\"name\": username, \"digest\": h.new(\"sha1\", data.encode()).hexdigest()}\n"},
        at=("users.py:6",), severity="critical",
    ),
    Bad(  # as they are: in Python, and in the query
        {"login.py": "from models import User\n\n\ndef sign_in(session, form, select):\n"
         "    user = session.get(User, form.name)\n    if not user or user.password != form.password:\n"
         "        raise ValueError\n"
         "    return session.scalar(select(User).where(User.password == form.password))\n"},
        at=("login.py:6", "login.py:8"), severity="critical",
    ),
    Bad({"auth.py": "from passlib.context import CryptContext\n\ncontext = CryptContext(schemes=[\"hex_md5\", "
         "\"bcrypt\"])\n"}, at=("auth.py:3",), severity="critical"),
    Bad({"auth.py": "from passlib.context import CryptContext\n\nSCHEMES = [\"bcrypt\", \"hex_md5\"]\n"
         "context = CryptContext(SCHEMES, deprecated=\"auto\")\n"}, at=("auth.py:4",), severity="low"),
    Good(  # Argon2, and a digest of a random key
        {"auth.py": "import hashlib\n\nfrom pwdlib import PasswordHash\n\nhasher = PasswordHash.recommended()\n\n\n"
         "def digest(api_key: str) -> str:\n    return hashlib.sha256(api_key.encode()).hexdigest()\n\n\n"
         "def store(password: str) -> str:\n    return hasher.hash(password)\n"}),
    Good(  # long passwords, made short for bcrypt
        {"auth.py": "import base64\nimport hashlib\n\nimport bcrypt\n\n\ndef hash_password(password: str) -> bytes:\n"
         "    digest = base64.b64encode(hashlib.sha256(password.encode()).digest())\n"
         "    return bcrypt.hashpw(digest, bcrypt.gensalt())\n"}),
    Good(  # a list of leaked passwords, a form's two fields, a changed one, a setting, a digest of a digest
        {"rules.py": "import hashlib\n\nfrom config import settings\n\n\ndef is_pwned(password: str, ask) -> bool:\n"
         "    return ask(hashlib.sha1(password.encode()).hexdigest()[:5])\n\n\n"
         "def check(form, user, password, hashing):\n    if form.password != form.confirm_password:\n"
         "        return 1\n    if form.password == form.current_password:\n        return 2\n"
         "    if password == settings.admin_password:\n        return 3\n    password = hashing(password)\n"
         "    return user.password == password\n\n\n"
         "def cache_key(user) -> str:\n    return hashlib.md5(user.password_hash.encode()).hexdigest()\n"},
        outcome="not_applicable"),
    Bad(  # few rounds, over a password; one that its name tells, one that its digest tells
        {"users.py": "import hashlib\n\n\ndef store(user, plain: str, salt: bytes) -> None:\n"
         "    digest = hashlib.pbkdf2_hmac(\"sha256\", plain.encode(), salt, 1000)\n"
         "    user.hashed_password = digest.hex()\n\n\n"
         "def digest(password: bytes, salt: bytes) -> bytes:\n"
         "    return hashlib.pbkdf2_hmac(\"sha256\", password, salt, 1000)\n\n\n"
         "def change(user, new: str) -> None:\n    user.password = hashlib.sha256(new.encode()).hexdigest()\n"},
        at=("users.py:5", "users.py:10", "users.py:14"), severity="critical"),
    Good(  # keys: of a secret, of a passphrase, for a cache; a signature; a password that is made up
        {"keys.py": "import base64\nimport hashlib\nimport os\n\nfrom cryptography.fernet import Fernet\n\n"
         "SECRET = os.environ[\"SECRET\"]\n\n\n"
         "def signing() -> bytes:\n    return hashlib.pbkdf2_hmac(\"sha256\", SECRET.encode(), b\"sign\", 1)\n\n\n"
         "def derive_key(passphrase: str) -> bytes:\n    return hashlib.sha256(passphrase.encode()).digest()\n\n\n"
         "def box(password: str, salt: bytes) -> Fernet:\n"
         "    raw = hashlib.pbkdf2_hmac(\"sha256\", password.encode(), salt, 1000)\n"
         "    return Fernet(base64.urlsafe_b64encode(raw))\n\n\n"
         "def seen(host: str, password: str) -> str:\n"
         "    cache_key = hashlib.md5(f\"{host}{password}\".encode()).hexdigest()\n    return cache_key\n\n\n"
         "def invited(user) -> None:\n    user.password = hashlib.sha256(os.urandom(20)).hexdigest()\n"},
        outcome="not_applicable"),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
    Good(  # what a client keeps for itself is brought up to date
        {"store.py": "def keep(row, login):\n    if row.password != login.password:\n"
         "        row.password = login.password\n"}, outcome="not_applicable"),
    Good({"rpc.py": "def allowed(daemon, password: str) -> bool:\n    return password == daemon.PASSWORD\n"},
         outcome="not_applicable"),
)
