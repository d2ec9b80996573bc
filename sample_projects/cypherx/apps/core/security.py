"""Password hashes and access tokens."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from datetime import UTC, datetime, timedelta

import jwt

from apps.core.config import settings

JWT_SECRET = os.getenv("JWT_SECRET", "vN7rQ2xKd9LmT4sYwB6hJc8FgP3zAeU1kX5t")
JWT_ALGORITHM = "HS256"

_ITERATIONS = 200_000


def hash_password(password: str) -> str:
    """Return `salt$digest`, both in hexadecimal."""
    salt = secrets.token_bytes(16)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    return f"{salt.hex()}${digest.hex()}"


def verify_password(password: str, stored: str) -> bool:
    """Compare a password with what `hash_password` returned."""
    salt, digest = stored.split("$", 1)
    candidate = hashlib.pbkdf2_hmac("sha256", password.encode(), bytes.fromhex(salt), _ITERATIONS)
    return hmac.compare_digest(candidate.hex(), digest)


def create_access_token(user_id: str) -> str:
    """Sign a token for one user."""
    expires = datetime.now(UTC) + timedelta(minutes=settings.access_token_minutes)
    return jwt.encode({"sub": user_id, "exp": expires}, JWT_SECRET, algorithm=JWT_ALGORITHM)


def read_access_token(token: str) -> str:
    """Return the user id of a valid token; raises `jwt.InvalidTokenError`."""
    claims = jwt.decode(token, JWT_SECRET, algorithms=[JWT_ALGORITHM])
    return str(claims["sub"])
