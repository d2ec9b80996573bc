"""Settings of the service, read from the environment and from `.env`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be configured without touching code."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", populate_by_name=True)

    # Application
    api_title: str = Field(default="CypherX API", alias="API_TITLE")
    api_version: str = Field(default="0.1.0", alias="API_VERSION")
    api_env: str = Field(default="development", alias="API_ENV")
    debug: bool = Field(default=True, alias="DEBUG")

    # Cross-origin access for the single-page application
    cors_origins: list[str] = Field(default=["*"], alias="CORS_ORIGINS")
    cors_allow_credentials: bool = Field(default=True, alias="CORS_ALLOW_CREDENTIALS")

    # Database
    database_dsn: str = Field(default="postgresql://localhost:5432/cypherx", alias="DATABASE_URL")
    db_echo: bool = Field(default=False, alias="DB_ECHO")

    # Authentication
    access_token_minutes: int = Field(default=60, alias="ACCESS_TOKEN_MINUTES")

    # Directory of banks: names, statement formats, routing prefixes
    bank_directory_url: str = Field(default="https://banks.example.com", alias="BANK_DIRECTORY_URL")
    bank_directory_attempts: int = Field(default=3, alias="BANK_DIRECTORY_ATTEMPTS")


settings = Settings()
