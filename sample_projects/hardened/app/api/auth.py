"""Registration, sign-in, and the account of the signed-in user."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, status
from fastapi.security import OAuth2PasswordRequestForm
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import audit
from app.api.schemas import NewUser, TokenOut, UserOut
from app.dependencies import CurrentUser, SessionDep, SettingsDep, limit_login_rate
from app.errors import ApiError
from app.models import User
from app.security import create_access_token, hash_password, verify_password

router = APIRouter(prefix="/auth", tags=["auth"], dependencies=[Depends(limit_login_rate)])
account_router = APIRouter(prefix="/account", tags=["account"])


@router.post("/register", status_code=status.HTTP_201_CREATED, response_model=UserOut)
async def register(body: NewUser, session: SessionDep, settings: SettingsDep) -> User:
    """Create a user."""
    if not settings.registration_open:
        raise ApiError(403, "registration_closed", "Registration is closed")
    user = User(email=body.email.lower(), password_hash=await hash_password(body.password.get_secret_value()))
    session.add(user)
    try:
        await session.commit()
    except IntegrityError:
        raise ApiError(409, "address_taken", "This address is registered already") from None
    audit.record("user.registered", user.id)
    return user


@router.post("/token")
async def sign_in(
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    session: SessionDep,
    settings: SettingsDep,
) -> TokenOut:
    """Exchange an address and a password for an access token."""
    user = (await session.execute(select(User).where(User.email == form.username.lower()))).scalar_one_or_none()
    if not await verify_password(form.password, user.password_hash if user else None) or user is None:
        audit.record("user.sign_in_failed", user.id if user else None)
        raise ApiError(401, "wrong_credentials", "Wrong address or password", {"WWW-Authenticate": "Bearer"})
    audit.record("user.signed_in", user.id)
    token = create_access_token(user.id, settings)
    return TokenOut(access_token=token, expires_in=settings.access_token_minutes * 60)


@account_router.get("", response_model=UserOut)
async def read_account(user: CurrentUser) -> User:
    """Return the signed-in user."""
    return user


@account_router.delete("", status_code=status.HTTP_204_NO_CONTENT)
async def delete_account(user: CurrentUser, session: SessionDep) -> None:
    """Erase the user together with all statements."""
    await session.delete(user)
    await session.commit()
    audit.record("user.erased", user.id)
