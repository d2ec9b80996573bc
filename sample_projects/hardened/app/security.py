"""Password hashes and access tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
from fastapi.concurrency import run_in_threadpool
from pwdlib import PasswordHash

from app.settings import Settings

_ALGORITHM = "HS256"
_ISSUER = "tally"

_hasher = PasswordHash.recommended()
# Verified when there is no such user, so that the answer takes as long as for a wrong password.
_nobody = _hasher.hash("nobody has this password")


async def hash_password(password: str) -> str:
    """Hash with Argon2, in a thread because it is slow on purpose."""
    return await run_in_threadpool(_hasher.hash, password)


async def verify_password(password: str, stored: str | None) -> bool:
    """Compare with a stored hash; always False, after the same time, when there is none."""
    matches = await run_in_threadpool(_hasher.verify, password, stored or _nobody)
    return matches and stored is not None


def create_access_token(user_id: UUID, settings: Settings) -> str:
    """Sign a token for one user."""
    now = datetime.now(UTC)
    claims = {
        "sub": str(user_id),
        "iss": _ISSUER,
        "iat": now,
        "exp": now + timedelta(minutes=settings.access_token_minutes),
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm=_ALGORITHM)


def read_access_token(token: str, settings: Settings) -> UUID | None:
    """Return the user of a valid token."""
    try:
        claims = jwt.decode(
            token,
            settings.jwt_secret.get_secret_value(),
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            options={"require": ["sub", "iss", "exp"]},
        )
        return UUID(claims["sub"])
    except (jwt.InvalidTokenError, ValueError):
        return None
