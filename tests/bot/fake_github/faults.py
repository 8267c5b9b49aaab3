"""What goes wrong between a bot and GitHub, on demand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID."
)


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, `times` times, for requests that `match`.

    `match` is ``METHOD path`` with the wildcards of `fnmatch` ("POST */reviews"); the path is the real one.
    `containing` must stand in the body (to pick one GraphQL operation). With `after` the request takes effect first.
    `status` None lets the request through (after `delay` seconds); `reset` drops the connection without an answer.
    """

    match: str
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    containing: str = ""
    times: int = 1
    skip: int = 0
    after: bool = False
    delay: float = 0.0
    reset: bool = False


class Faults:
    """The faults that wait for their request. Each method adds one."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def take(self, method: str, path: str, body: bytes) -> Fault | None:
        """The first fault for this request, used up by one."""
        for fault in self.waiting:
            if not fnmatchcase(f"{method} {path}", fault.match) or fault.containing.encode() not in body:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.waiting.remove(fault)
            return fault
        return None

    def server_error(
        self, match: str, *, status: int = 502, after: bool = False, times: int = 1, containing: str = ""
    ) -> None:
        """A 5xx; with `after` the request has taken effect all the same (https://github.com/reviewdog/reviewdog/issues/355)."""
        self.add(Fault(match, status, {"message": "Server Error"}, after=after, times=times, containing=containing))

    def not_found(self, match: str, *, times: int = 1) -> None:
        """404 first, as just after a webhook."""
        self.add(Fault(match, 404, {"message": "Not Found"}, times=times))

    def unauthorized(self, match: str, *, times: int = 1) -> None:
        self.add(Fault(match, 401, {"message": "Bad credentials"}, times=times))

    def forbidden(self, match: str, *, times: int = 1) -> None:
        self.add(Fault(match, 403, {"message": "Resource not accessible by integration"}, times=times))

    def slow(self, match: str, seconds: float, *, times: int = 1) -> None:
        """The answer comes late, but it comes."""
        self.add(Fault(match, delay=seconds, times=times))

    def timeout(self, match: str, *, after: bool = False, times: int = 1, seconds: float = 3600.0) -> None:
        """No answer within any client's patience."""
        self.add(Fault(match, 504, delay=seconds, after=after, times=times))

    def connection_reset(self, match: str, *, after: bool = False, times: int = 1) -> None:
        self.add(Fault(match, reset=True, after=after, times=times))

    def primary_limit(self, match: str, *, status: int = 403, reset_in: int = 60, times: int = 1) -> None:
        """The hourly limit is used up until `reset_in` seconds from now."""
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + reset_in)}
        self.add(Fault(match, status, {"message": "API rate limit exceeded for installation."}, headers, times=times))

    def secondary_limit(self, match: str, *, status: int = 403, retry_after: int | None = None, times: int = 1) -> None:
        """Too many requests at once; `retry_after` in seconds, or the header is missing."""
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        self.add(Fault(match, status, {"message": SECONDARY}, headers, times=times))

    def graphql_limit(self, *, reset_in: int = 60, containing: str = "", times: int = 1) -> None:
        """The GraphQL bucket is empty: 200 with an error, as GitHub answers it."""
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + reset_in)}
        body = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation."}]}
        self.add(Fault("POST /graphql", 200, body, headers, containing=containing, times=times))

    def graphql_error(self, message: str, *, kind: str | None = None, containing: str = "", times: int = 1) -> None:
        """200 with an error and no data."""
        error = {"message": message} | ({"type": kind} if kind else {})
        self.add(Fault("POST /graphql", 200, {"data": None, "errors": [error]}, containing=containing, times=times))

    def moved(self, match: str, to: str, *, status: int = 301, times: int = 1) -> None:
        """A redirect to `to` (a whole address, or a path of the fake)."""
        self.add(Fault(match, status, {"message": "Moved Permanently", "url": to}, {"location": to}, times=times))
