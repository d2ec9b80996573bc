"""Counterparties: people, shops and banks that appear in statements."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from apps.infra.clients.bank_directory import fetch_bank
from apps.infra.db.models import Entity


class EntityService:
    """The counterparties of one user."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_for_user(self, user_id: str) -> Sequence[Entity]:
        """Return the entities of a user by name."""
        query = select(Entity).where(Entity.user_id == user_id).order_by(Entity.name)
        return (await self._session.execute(query)).scalars().all()

    async def create(self, user_id: str, name: str, kind: str) -> Entity:
        """Add an entity."""
        entity = Entity(user_id=user_id, name=name, kind=kind)
        self._session.add(entity)
        await self._session.commit()
        return entity


def official_bank_name(name: str) -> str | None:
    """Return the name under which the directory lists a bank."""
    bank = fetch_bank(name)
    return bank["official_name"] if bank else None
