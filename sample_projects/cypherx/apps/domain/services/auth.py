"""Registration and sign-in."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from apps.core.security import hash_password, verify_password
from apps.infra.db.models import User


class EmailTakenError(Exception):
    """Another user has this address."""


class AuthService:
    """Users and their passwords."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def register(self, email: str, password: str) -> User:
        """Create a user; raises EmailTakenError."""
        if await self._by_email(email) is not None:
            raise EmailTakenError(email)
        user = User(email=email.lower(), password_hash=hash_password(password))
        self._session.add(user)
        await self._session.commit()
        return user

    async def authenticate(self, email: str, password: str) -> User | None:
        """Return the user whose address and password these are."""
        user = await self._by_email(email)
        if user is None or not verify_password(password, user.password_hash):
            return None
        return user

    async def get(self, user_id: str) -> User | None:
        """Return a user by id."""
        return await self._session.get(User, user_id)

    async def _by_email(self, email: str) -> User | None:
        query = select(User).where(User.email == email.lower())
        return (await self._session.execute(query)).scalar_one_or_none()
