"""What GitHub answers where it does not do what was asked."""

from collections.abc import Mapping, Sequence
from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


class ApiError(Exception):
    """Answered as it is: `status`, a JSON `body`, more `headers`."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body.get("message"))
        self.status = status
        self.body = {**body, "documentation_url": DOCUMENTATION, "status": str(status)}
        self.headers = dict(headers or {})


class SuggestionRefused(Exception):  # noqa: N818 -- reads as what happened: "commit_suggestion raises SuggestionRefused"
    """GitHub does not commit this suggestion; the text is the one that it shows to people."""


def bad_request(message: str) -> ApiError:
    return ApiError(400, {"message": message})


def unauthorized(message: str = "Bad credentials") -> ApiError:
    return ApiError(401, {"message": message})


def forbidden(message: str = "Resource not accessible by integration", **headers: str) -> ApiError:
    return ApiError(403, {"message": message}, {name.replace("_", "-"): text for name, text in headers.items()})


def not_found() -> ApiError:
    return ApiError(404, {"message": "Not Found"})


def unprocessable(*problems: str) -> ApiError:
    """As `POST …/reviews` answers: one sentence for all that is wrong."""
    return ApiError(422, {"message": "Unprocessable Entity", "errors": [sentence(problems)]})


def validation_failed(resource: str, *problems: Mapping[str, str]) -> ApiError:
    return ApiError(
        422, {"message": "Validation Failed", "errors": [{"resource": resource, **problem} for problem in problems]}
    )


def invalid_request(problem: str) -> ApiError:
    return ApiError(422, {"message": f"Invalid request.\n\n{problem}"})


def sentence(parts: Sequence[str]) -> str:
    """The parts as Rails joins them: ``a``, ``a and b``, ``a, b, and c``."""
    if len(parts) <= 2:
        return " and ".join(parts)
    return ", ".join(parts[:-1]) + f", and {parts[-1]}"
