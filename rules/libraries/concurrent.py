"""Objects that several threads may use at once, of packages of which other rows say little or nothing; a package by its name means all of it.

https://docs.sqlalchemy.org/en/20/faq/connections.html, https://python.langchain.com/docs/concepts/runnables/ (`batch` uses threads),
https://jinja.palletsprojects.com/en/stable/api/, https://prometheus.github.io/client_python/, https://opentelemetry.io/docs/specs/otel/,
https://docs.celeryq.dev/en/stable/userguide/application.html, https://apscheduler.readthedocs.io/en/3.x/,
https://github.com/SYSTRAN/faster-whisper (`num_workers`), https://github.com/openai/tiktoken (`encode_batch` uses threads),
https://urllib3.readthedocs.io/en/stable/advanced-usage.html and the pages of each package. Those that only hold settings are here as well.
"""

from rules.core.library import Library

_FRAMEWORKS = (
    *("fastapi", "starlette", "pydantic", "pydantic_settings", "jinja2", "fastapi_mail", "fastapi_pagination"),
    *("slowapi", "fastapi_limiter", "strawberry", "sqlalchemy", "sqlmodel", "alembic", "flask"),
)
_SETTINGS = ("decouple", "environs", "dynaconf", "dotenv", "omegaconf", "starlette_context", "click", "typer", "rich")
_WATCHING = ("logging", "loguru", "structlog", "prometheus_client", "opentelemetry", "sentry_sdk", "statsd", "ddtrace")
_SECRETS = (
    *("passlib", "pwdlib", "bcrypt", "jwt", "jose", "authlib", "itsdangerous", "cryptography", "argon2", "pyotp"),
    *("fastapi_users", "fastapi_login"),
)
_QUEUES = ("celery", "dramatiq", "rq", "huey", "apscheduler", "arq", "taskiq")
_MODELS = ("langchain_core", "langchain", "langgraph", "tiktoken", "faster_whisper", "openai", "anthropic", "groq")
_CLIENTS = ("urllib3", "httpx", "httpx2", "limits", "tenacity", "pybreaker")

library = Library(
    "Objects that threads share",
    concurrent=frozenset(
        (*_FRAMEWORKS, *_SETTINGS, *_WATCHING, *_SECRETS, *_QUEUES, *_MODELS, *_CLIENTS),
    ),
)
