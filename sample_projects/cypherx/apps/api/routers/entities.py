"""Counterparties."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, HTTPException, status

from apps.api.deps import CurrentUser, SessionDep
from apps.api.schemas import EntityIn, EntityOut
from apps.domain.services.entities import EntityService, official_bank_name
from apps.infra.db.models import Entity

router = APIRouter(prefix="/ai/entities", tags=["entities"])


@router.get("/", response_model=list[EntityOut])
async def list_entities(user: CurrentUser, session: SessionDep) -> Sequence[Entity]:
    """Return all entities of the user."""
    return await EntityService(session).list_for_user(user.id)


@router.post("/", response_model=EntityOut, status_code=status.HTTP_201_CREATED)
async def create_entity(body: EntityIn, user: CurrentUser, session: SessionDep) -> Entity:
    """Add an entity; a bank gets the name under which the directory lists it."""
    name = body.name
    if body.kind == "bank":
        official = official_bank_name(body.name)
        if official is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "The directory does not list this bank")
        name = official
    return await EntityService(session).create(user.id, name, body.kind)
