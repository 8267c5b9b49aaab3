"""The App, its installations, and the tokens that it gets for them.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .accounts import Account
from .errors import invalid_request, unauthorized, unprocessable

if TYPE_CHECKING:
    from .repositories import Repository

LEVELS = ("none", "read", "write", "admin")
LIFETIME = timedelta(hours=1)
MAX_REPOSITORIES = 500
MANIFEST: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "app.yaml").read_text(encoding="utf-8"))
ALL_PERMISSIONS: dict[str, str] = MANIFEST["default_permissions"]
"""What an installation grants: what our manifest asks for and no more, so that every test shows that this is enough."""
EVENTS = tuple(MANIFEST["default_events"])


@cache
def private_key() -> str:
    """A private key for the App, in PEM; one for the whole process, since making it is slow."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@cache
def _public_key(pem: str) -> str:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@dataclass(eq=False, slots=True)
class App:
    """The App as its owner registered it."""

    id: int
    slug: str
    name: str
    owner: Account
    bot: Account
    private_key: str
    client_id: str
    webhook_secret: str
    created_at: datetime
    permissions: dict[str, str] = field(default_factory=lambda: dict(ALL_PERMISSIONS))
    events: list[str] = field(default_factory=lambda: list(EVENTS))
    webhook_url: str | None = None

    @property
    def node_id(self) -> str:
        return f"A_{self.id}"

    def check(self, token: str, now: datetime) -> None:
        """Raises 401 in GitHub's words where `token` is no JWT that this App signed for now."""
        try:
            claims = jwt.decode(
                token,
                _public_key(self.private_key),
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "require": ["iat", "exp", "iss"]},
            )
        except jwt.PyJWTError:
            raise unauthorized("A JSON web token could not be decoded") from None
        if str(claims["iss"]) not in {str(self.id), self.client_id}:
            raise unauthorized("Integration not found")
        issued, expires, moment = float(claims["iat"]), float(claims["exp"]), now.timestamp()
        if issued > moment:
            raise unauthorized(
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
            )
        if expires < moment:
            raise unauthorized(
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
            )
        if expires > moment + 600:
            raise unauthorized("'Expiration time' claim ('exp') is too far in the future")


@dataclass(eq=False, slots=True)
class Installation:
    """The App on one account. `selected` is None where it may see all of the account's repositories."""

    id: int
    app: App
    account: Account
    created_at: datetime
    permissions: dict[str, str]
    selected: list[Repository] | None = None
    suspended_at: datetime | None = None

    def covers(self, repository: Repository) -> bool:
        if self.selected is not None:
            return repository in self.selected
        return repository.owner == self.account


@dataclass(frozen=True, eq=False, slots=True)
class Token:
    """An installation token. `repositories` is None where it may see all that the installation may."""

    text: str
    installation: Installation
    permissions: Mapping[str, str]
    repositories: tuple[Repository, ...] | None
    expires_at: datetime

    def covers(self, repository: Repository) -> bool:
        if not self.installation.covers(repository):
            return False
        return self.repositories is None or repository in self.repositories

    def allows(self, permission: str, level: str) -> bool:
        """Whether it holds `permission` at `level` still (the installation may have lost it meanwhile)."""
        needed = LEVELS.index(level)
        held = min(
            LEVELS.index(self.permissions.get(permission, "none")),
            LEVELS.index(self.installation.permissions.get(permission, "none")),
        )
        return held >= needed


def mint(
    installation: Installation, body: Mapping[str, Any], now: datetime, visible: list[Repository], *, stateless: bool
) -> Token:
    """A new token, scoped as `body` asks; 422 where it asks for more than the installation has."""
    return Token(
        _text(installation, stateless=stateless),
        installation,
        _scoped_permissions(installation, body.get("permissions")),
        _scoped_repositories(body, visible),
        now + LIFETIME,
    )


def _scoped_permissions(installation: Installation, asked: Mapping[str, str] | None) -> dict[str, str]:
    if asked is None:
        return dict(installation.permissions)
    for name, level in asked.items():
        held = installation.permissions.get(name, "none")
        if LEVELS.index(level) > LEVELS.index(held):
            raise unprocessable("The permissions requested are not granted to this installation.")
    return {"metadata": "read", **asked}


def _scoped_repositories(body: Mapping[str, Any], visible: list[Repository]) -> tuple[Repository, ...] | None:
    ids, names = body.get("repository_ids"), body.get("repositories")
    if ids is None and names is None:
        return None
    if len(ids or ()) + len(names or ()) > MAX_REPOSITORIES:
        raise invalid_request(f"No more than {MAX_REPOSITORIES} repositories are allowed.")
    found = [each for each in visible if each.id in (ids or ()) or each.name in (names or ())]
    if len(found) != len(ids or ()) + len(names or ()):
        raise unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return tuple(found)


def _text(installation: Installation, *, stateless: bool) -> str:
    """A token in one of the two shapes: 40 characters, or `ghs_APPID_JWT` with dots, `_` and `-` (about 520)."""
    if not stateless:
        return "ghs_" + secrets.token_hex(18)
    parts = (secrets.token_urlsafe(size) for size in (27, 90, 256))
    return f"ghs_{installation.app.id}_eyJ-_" + ".".join(parts)
