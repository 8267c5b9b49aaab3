"""The environment, read once at start. What is missing or wrong is named all at once."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar
from urllib.parse import urlsplit

import jwt
import sqlalchemy as sa

from bot.errors import SettingsError

APP_VARIABLES = ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET")
OPERATOR_FILE = "asyncify.toml"
CREDENTIALS_FILE = "asyncify-app.json"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves that we are the App. The secrets are the current one and, while it is rotated, the previous one."""

    app_id: int
    private_key: str = field(repr=False)
    webhook_secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process was told to run. Without `credentials` it is in set-up mode. The URLs end without a slash.

    `credentials_file` is where the set-up stores them, and where they are read from if the environment holds none.
    `operator_config` is the text of `asyncify.toml` beside it: what all repositories inherit, None where there is none.
    `port_given` tells whether somebody chose the port: only then a worker listens as well.
    """

    credentials: Credentials | None
    credentials_file: Path
    operator_config: str | None
    api_url: str
    github_url: str
    database_url: str = field(repr=False)
    host: str
    port: int
    port_given: bool
    log_level: str


class _Environment:
    """The variables that are set, and what was found wrong with those that were read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.given = {name: value.strip() for name, value in environ.items() if value.strip()}
        self.problems: list[str] = []

    def read(self, name: str, parse: Callable[[str], _Value], default: _Value) -> _Value:
        try:
            return parse(self.given[name]) if name in self.given else default
        except ValueError as error:
            self.problems.append(f"{name} {error}")
            return default


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that the environment holds. An empty variable counts as one that is not set.

    Raises SettingsError, which names every variable that is missing or wrong.
    """
    variables = _Environment(environ)
    database_url = variables.read("DATABASE_URL", _database_url, "sqlite:///asyncify.db")
    credentials_file = _beside(database_url)
    settings = Settings(
        credentials=_credentials(variables, credentials_file),
        credentials_file=credentials_file,
        operator_config=_read_if_there(credentials_file.with_name(OPERATOR_FILE), variables.problems),
        api_url=variables.read("GITHUB_API_URL", _url, "https://api.github.com"),
        github_url=variables.read("GITHUB_URL", _url, "https://github.com"),
        database_url=database_url,
        host=variables.given.get("HOST", "0.0.0.0" if "PORT" in variables.given else "127.0.0.1"),  # noqa: S104 -- a platform that sets PORT calls from outside
        port=variables.read("PORT", _port, 8000),
        port_given="PORT" in variables.given,
        log_level=variables.read("LOG_LEVEL", _log_level, "INFO"),
    )
    if variables.problems:
        raise SettingsError(tuple(variables.problems))
    return settings


def save_credentials(settings: Settings, registered: Mapping[str, Any]) -> Settings:
    """The settings with the credentials of an App as GitHub's manifest flow gives it (`id`, `pem`, `webhook_secret`), once stored.

    Only this user may read the file. Raises SettingsError where they cannot be used, OSError where they cannot be stored.
    """
    stored = {name: registered[name] for name in ("id", "slug", "html_url", "pem", "webhook_secret")}
    credentials = _from_stored(stored)
    path = settings.credentials_file
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:  # has mode 0600
        json.dump(stored, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    return replace(settings, credentials=credentials)


def require_shared_database(settings: Settings, command: str) -> None:
    """Raises SettingsError where the database serves one process only."""
    if settings.database_url.startswith("sqlite"):
        sentence = f"DATABASE_URL must be a postgresql:// address for `asyncify {command}`"
        raise SettingsError((f"{sentence}: a SQLite file serves one process, which is what `asyncify serve` runs",))


def require_credentials(settings: Settings) -> Credentials:
    """Raises SettingsError in set-up mode."""
    if settings.credentials is None:
        sentence = f"; {settings.credentials_file}, where the set-up stores them, is not there either"
        raise SettingsError(
            (*(f"{name} is not set" for name in APP_VARIABLES[:-1]), f"{APP_VARIABLES[-1]} is not set{sentence}")
        )
    return settings.credentials


def _beside(database_url: str) -> Path:
    """Beside the SQLite file, which is kept when the process is replaced; else in the working directory."""
    url = sa.make_url(database_url)
    directory = Path(url.database or "").parent if url.get_backend_name() == "sqlite" else Path()
    return directory / CREDENTIALS_FILE


def _from_stored(stored: Mapping[str, Any]) -> Credentials:
    try:
        secrets = _webhook_secrets(str(stored["webhook_secret"]))
        return Credentials(_app_id(str(stored["id"])), _private_key(str(stored["pem"]).strip()), secrets)
    except (KeyError, ValueError) as error:
        raise SettingsError((f"the stored credentials cannot be used: {error}",)) from None


def _read_if_there(path: Path, problems: list[str]) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        problems.append(f"{path}: it cannot be read ({error})")
        return None


def _read_stored(path: Path, problems: list[str]) -> Credentials | None:
    if (text := _read_if_there(path, problems)) is None:
        return None
    try:
        return _from_stored(json.loads(text))
    except (ValueError, TypeError) as error:
        reason = error.problems[0] if isinstance(error, SettingsError) else f"it cannot be read ({error})"
        problems.append(f"{path}: {reason}; delete it to set up an App anew")
        return None


def _credentials(variables: _Environment, stored: Path) -> Credentials | None:
    missing = [name for name in APP_VARIABLES if name not in variables.given]
    if len(missing) == len(APP_VARIABLES):
        return _read_stored(stored, variables.problems)
    variables.problems += [f"{name} is not set" for name in missing]
    return Credentials(
        app_id=variables.read("GITHUB_APP_ID", _app_id, 0),
        private_key=variables.read("GITHUB_PRIVATE_KEY", _private_key, ""),
        webhook_secrets=variables.read("GITHUB_WEBHOOK_SECRET", _webhook_secrets, ()),
    )


def _app_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError("must be the number of the App, as its page shows it")
    return int(text)


def _private_key(text: str) -> str:
    """PEM text, its line ends perhaps spelled out as some platforms keep them, or the path of a file that holds it."""
    pem = text.replace("\\n", "\n") if text.startswith("-----BEGIN") else _read_file(text)
    if "PRIVATE KEY-----" not in pem:
        raise ValueError("holds no private key in PEM form")
    try:
        jwt.get_algorithm_by_name("RS256").prepare_key(pem)
    except (ValueError, TypeError, jwt.InvalidKeyError):
        raise ValueError("holds a private key that is damaged or is no RSA key") from None
    return pem


def _read_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise ValueError(f"is neither PEM text nor a file that can be read ({error.strerror})") from None


def _webhook_secrets(text: str) -> tuple[bytes, ...]:
    secrets = tuple(part.strip().encode() for part in text.split(","))
    if len(secrets) > 2 or not all(secrets):
        raise ValueError("must be one secret, or two with a comma between (current, previous)")
    return secrets


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"must be an http(s):// address, not {text!r}")
    return text.rstrip("/")


def _database_url(text: str) -> str:
    try:
        url = sa.make_url(text.replace("postgres://", "postgresql://", 1) if text.startswith("postgres://") else text)
    except sa.exc.ArgumentError:
        raise ValueError("is no database address") from None
    if url.get_backend_name() not in {"postgresql", "sqlite"}:
        raise ValueError(f"must begin with postgresql:// or sqlite:///, not {url.drivername}://")
    if url.get_backend_name() == "sqlite":
        _check_sqlite_file(url.database)
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


def _check_sqlite_file(path: str | None) -> None:
    if not path or path == ":memory:":
        raise ValueError("must name a file (sqlite:///asyncify.db): what is kept in memory is lost with the process")
    if not Path(path).parent.is_dir():
        raise ValueError(f"names a file in a directory that does not exist: {Path(path).parent}")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise ValueError(f"must be a number below 65536, not {text!r}")
    return int(text)


def _log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}, not {text!r}")
    return text.upper()
