"""Settings, read from the environment and from `.env`; the service does not start with a wrong one."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# `A,B` in the environment; pydantic-settings would otherwise expect JSON.
CommaSeparated = Annotated[list[str], NoDecode]


class Settings(BaseSettings):
    """One field a variable, named as the variable in lower case. Durations are in seconds."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    environment: Literal["production", "staging", "development"] = "production"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    registration_open: bool = True
    retention_days: int = Field(default=400, ge=1)

    # HTTP
    allowed_hosts: CommaSeparated = Field(default_factory=list)
    cors_origins: CommaSeparated = Field(default_factory=list)
    max_body_bytes: int = Field(default=2_097_152, ge=1_024)
    rate_limit: str = "120/minute"
    login_rate_limit: str = "10/minute"

    # Secrets: no defaults, so that nobody runs with a known one
    jwt_secret: SecretStr = Field(min_length=32)
    metrics_token: SecretStr = Field(min_length=16)
    access_token_minutes: int = Field(default=15, ge=1, le=60)

    # PostgreSQL; processes x (pool size + overflow) must stay below its max_connections
    database_url: SecretStr
    database_pool_size: int = Field(default=5, ge=1)
    database_max_overflow: int = Field(default=5, ge=0)
    database_pool_timeout: float = 10
    database_pool_recycle: int = 1_800
    database_connect_timeout: float = 5
    database_statement_timeout: float = 15

    # Redis: rate limits, cache, broker
    redis_url: SecretStr
    redis_timeout: float = 2
    redis_max_connections: int = Field(default=50, ge=1)

    # Exchange rates, a service of another company
    rates_url: HttpUrl
    rates_api_key: SecretStr = Field(min_length=16)
    rates_timeout: float = 5
    rates_cache_seconds: int = Field(default=300, ge=1)

    # Observability; each is off without an address
    sentry_dsn: SecretStr | None = None
    otlp_endpoint: HttpUrl | None = None

    @field_validator("allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def split(cls, value: object) -> object:
        """Turn `a, b` into a list."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("sentry_dsn", "otlp_endpoint", mode="before")
    @classmethod
    def empty_is_off(cls, value: object) -> object:
        """Read an empty variable as one that is not set."""
        return value or None

    @field_validator("database_url")
    @classmethod
    def async_driver(cls, value: SecretStr) -> SecretStr:
        """Refuse a DSN of another driver: the engine's timeouts are asyncpg's."""
        if not value.get_secret_value().startswith("postgresql+asyncpg://"):
            raise ValueError("expected postgresql+asyncpg://...")
        return value

    @model_validator(mode="after")
    def closed_in_production(self) -> Self:
        """Refuse origins and hosts in production that are right only on a developer's machine."""
        if self.environment == "production":
            if not self.allowed_hosts or "*" in self.allowed_hosts:
                raise ValueError("ALLOWED_HOSTS must name the public hosts in production")
            if any("*" in origin or not origin.startswith("https://") for origin in self.cors_origins):
                raise ValueError("CORS_ORIGINS must be https:// origins in production")
        return self


@lru_cache
def get_settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
