"""Registration and sign-in."""

from __future__ import annotations

import logging

from fastapi import APIRouter, HTTPException, status

from apps.api.deps import CurrentUser, SessionDep
from apps.api.schemas import Credentials, TokenOut, UserOut
from apps.core.security import create_access_token
from apps.domain.services.auth import AuthService, EmailTakenError
from apps.infra.db.models import User

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post("/register", response_model=UserOut, status_code=status.HTTP_201_CREATED)
async def register(body: Credentials, session: SessionDep) -> User:
    """Create a user."""
    try:
        user = await AuthService(session).register(body.email, body.password)
    except EmailTakenError:
        raise HTTPException(status.HTTP_409_CONFLICT, "This address is registered already") from None
    print(f"New user registered: {user.id}")
    return user


@router.post("/login")
async def login(body: Credentials, session: SessionDep) -> TokenOut:
    """Exchange an address and a password for an access token."""
    user = await AuthService(session).authenticate(body.email, body.password)
    if user is None:
        logger.warning("Failed sign-in")
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Wrong address or password")
    return TokenOut(access_token=create_access_token(user.id))


@router.get("/me", response_model=UserOut)
async def me(user: CurrentUser) -> User:
    """Return the signed-in user."""
    return user
