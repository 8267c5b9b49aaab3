"""What a check says before any fix is written: where a rule applies, and why."""

from dataclasses import dataclass
from enum import Enum

from rules.core.contexts import Root, Sink
from rules.core.facts import Site
from rules.core.findings import Severity
from rules.core.values import ProjectFunction


class Remedy(Enum):
    """Which ways there may be to mend it."""

    UNBLOCK = "take the call off the event loop"
    AWAIT = "put `await` before the call"
    CONVERT = "make the whole function `async def`"


@dataclass(frozen=True, slots=True)
class Remark:
    """A rule applies to a call in a function, or to the function as a whole (no site)."""

    rule: str
    severity: Severity
    function: ProjectFunction
    remedy: Remedy
    message: str
    site: Site | None = None
    root: Root | None = None
    way: tuple[ProjectFunction, ...] = ()
    sink: Sink | None = None
    optional: bool = False
