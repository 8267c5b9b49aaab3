"""The environment, as people get it right and wrong."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bot.errors import SettingsError
from bot.settings import (
    Credentials,
    read_settings,
    require_credentials,
    require_shared_database,
    save_credentials,
)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY = pem(RSA).strip()
PUBLIC = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
APP = {"GITHUB_APP_ID": "12", "GITHUB_PRIVATE_KEY": KEY, "GITHUB_WEBHOOK_SECRET": "s3cret"}


def problems(**environ: str) -> list[str]:
    """What is said of an environment that is wrong."""
    with pytest.raises(SettingsError) as raised:
        read_settings(environ)
    return list(raised.value.problems)


def test_the_defaults() -> None:
    """With the App alone, everything else has a value that works on one machine."""
    settings = read_settings(APP)

    assert settings.credentials == Credentials(12, KEY, (b"s3cret",))
    assert settings.api_url == "https://api.github.com"
    assert settings.github_url == "https://github.com"
    assert settings.database_url == "sqlite:///asyncify.db"
    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.1", 8000, "INFO")


def test_everything_that_can_be_set() -> None:
    """Each variable reaches its setting."""
    settings = read_settings(
        APP
        | {
            "GITHUB_API_URL": "https://ghe.example/api/v3/",
            "GITHUB_URL": "https://ghe.example/",
            "DATABASE_URL": "postgresql://user:pass@db/asyncify?sslmode=require",
            "HOST": "::1",
            "PORT": "80",
            "LOG_LEVEL": "debug",
        }
    )

    assert settings.api_url == "https://ghe.example/api/v3"
    assert settings.github_url == "https://ghe.example"
    assert settings.database_url == "postgresql://user:pass@db/asyncify?sslmode=require"
    assert (settings.host, settings.port, settings.log_level) == ("::1", 80, "DEBUG")


def test_everything_that_is_wrong_is_named_at_once() -> None:
    """Nobody has to start the bot seven times to learn of seven mistakes."""
    said = problems(
        GITHUB_APP_ID="my-app",
        GITHUB_API_URL="api.github.com",
        GITHUB_URL="ftp://github.com",
        DATABASE_URL="mysql://db/asyncify",
        PORT="http",
        LOG_LEVEL="loud",
    )

    assert [sentence.split()[0] for sentence in said] == [
        "DATABASE_URL",
        "GITHUB_PRIVATE_KEY",
        "GITHUB_WEBHOOK_SECRET",
        "GITHUB_APP_ID",
        "GITHUB_API_URL",
        "GITHUB_URL",
        "PORT",
        "LOG_LEVEL",
    ]


def test_no_app_at_all() -> None:
    """That is the set-up mode, which a worker cannot do anything in."""
    settings = read_settings({"GITHUB_APP_ID": " "})

    assert settings.credentials is None
    with pytest.raises(SettingsError, match="GITHUB_WEBHOOK_SECRET is not set"):
        require_credentials(settings)


def test_a_key_in_a_file(tmp_path: Path) -> None:
    """The key may stand in a file, which the variable names."""
    (tmp_path / "key.pem").write_text(f"{KEY}\n")

    settings = read_settings(APP | {"GITHUB_PRIVATE_KEY": str(tmp_path / "key.pem")})

    assert require_credentials(settings).private_key == KEY


def test_a_key_on_one_line() -> None:
    """Some platforms keep line ends as the two characters that spell them."""
    settings = read_settings(APP | {"GITHUB_PRIVATE_KEY": KEY.replace("\n", "\\n")})

    assert require_credentials(settings).private_key == KEY


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a key", "holds no private key"),
        (b"\xff\xfe", "holds no private key"),
        (PUBLIC, "holds no private key"),
        (KEY[:-300].encode(), "is damaged"),
        (pem(ec.generate_private_key(ec.SECP256R1())).encode(), "no RSA key"),
    ],
    ids=["text", "bytes", "public", "cut", "curve"],
)
def test_a_file_that_holds_no_key(tmp_path: Path, content: bytes, said: str) -> None:
    """The file is read at start, not when the first delivery comes."""
    (tmp_path / "key.pem").write_bytes(content)

    (sentence,) = problems(**APP | {"GITHUB_PRIVATE_KEY": str(tmp_path / "key.pem")})

    assert said in sentence


def test_a_key_that_is_not_there() -> None:
    """The value is not repeated: it may be a key that was pasted badly."""
    (sentence,) = problems(**APP | {"GITHUB_PRIVATE_KEY": "/nowhere/key.pem"})

    assert sentence == (
        "GITHUB_PRIVATE_KEY is neither PEM text nor a file that can be read (No such file or directory)"
    )


def test_two_secrets() -> None:
    """While the secret is rotated, both are good."""
    settings = read_settings(APP | {"GITHUB_WEBHOOK_SECRET": "new, old"})

    assert require_credentials(settings).webhook_secrets == (b"new", b"old")


@pytest.mark.parametrize("secret", ["a,b,c", "a,", ",a", ","])
def test_secrets_that_are_not_one_or_two(secret: str) -> None:
    """An empty secret would let everybody in."""
    (sentence,) = problems(**APP | {"GITHUB_WEBHOOK_SECRET": secret})

    assert sentence.startswith("GITHUB_WEBHOOK_SECRET must be one secret, or two")


def test_a_platform_that_gives_the_port() -> None:
    """It calls from outside, so we listen on every address, unless we were told otherwise."""
    assert read_settings({"PORT": "5000"}).host == "0.0.0.0"
    assert read_settings({"PORT": "5000", "HOST": "10.0.0.1"}).host == "10.0.0.1"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_names_of_one_database(scheme: str) -> None:
    """Platforms write PostgreSQL in several ways."""
    settings = read_settings({"DATABASE_URL": f"{scheme}://u:p%40ss@db:5432/asyncify"})

    assert settings.database_url == "postgresql://u:p%40ss@db:5432/asyncify"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:////nowhere/asyncify.db", "asyncify.db"])
def test_a_database_that_keeps_nothing(url: str) -> None:
    """What would be lost with the process, or cannot be made, is refused at start."""
    (sentence,) = problems(DATABASE_URL=url)

    assert sentence.startswith("DATABASE_URL ")


def test_several_processes_on_sqlite() -> None:
    """A file serves one process: `web` and `worker` say so, and what serves instead."""
    with pytest.raises(SettingsError, match=r"`asyncify worker`: a SQLite file serves one process.*`asyncify serve`"):
        require_shared_database(read_settings(APP), "worker")

    require_shared_database(read_settings({"DATABASE_URL": "postgresql://db/asyncify"}), "worker")


def test_secrets_do_not_show() -> None:
    """Settings may be printed or logged by mistake."""
    settings = read_settings(APP | {"DATABASE_URL": "postgresql://u:hunter2@db/asyncify"})

    assert not any(secret in repr(settings) for secret in ("s3cret", "hunter2", "PRIVATE"))
    assert not any(secret in str(require_credentials(settings)) for secret in ("s3cret", "PRIVATE"))


REGISTERED = {"id": 12, "slug": "a", "html_url": "https://github.com/apps/a", "pem": KEY, "webhook_secret": "s3cret"}


def test_stored_credentials(tmp_path: Path) -> None:
    """What the set-up stored is found by the next start, beside the database; the environment stands over it."""
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/asyncify.db"}
    fresh = read_settings(environ)
    assert fresh.credentials is None

    stored = save_credentials(fresh, REGISTERED)

    assert read_settings(environ) == stored
    assert stored.credentials == Credentials(12, KEY, (b"s3cret",))
    assert [path.name for path in tmp_path.iterdir()] == ["asyncify-app.json"]
    assert (tmp_path / "asyncify-app.json").stat().st_mode & 0o777 == 0o600
    other = read_settings(environ | APP | {"GITHUB_APP_ID": "13"}).credentials
    assert other
    assert other.app_id == 13


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"id": 12, "pem": "no key", "webhook_secret": "x"}'])
def test_stored_credentials_that_are_damaged(tmp_path: Path, damage: str) -> None:
    """The file is named, and nothing of what it holds is shown."""
    (tmp_path / "asyncify-app.json").write_text(damage)

    (said,) = problems(DATABASE_URL=f"sqlite:///{tmp_path}/asyncify.db")

    assert str(tmp_path / "asyncify-app.json") in said
    assert "delete it" in said


def test_what_the_operator_sets_for_all(tmp_path: Path) -> None:
    """A file beside the database is read; none is fine."""
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/asyncify.db"}
    assert read_settings(environ).operator_config is None
    (tmp_path / "asyncify.toml").write_text("review-bots = true\n")

    assert read_settings(environ).operator_config == "review-bots = true\n"
