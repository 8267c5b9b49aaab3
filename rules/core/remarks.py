"""What a check says before any fix is written: where a rule applies, and why."""

from enum import Enum

import msgspec

from rules.core.facts import Site
from rules.core.findings import Severity
from rules.core.roots import Root
from rules.core.sinks import Sink
from rules.core.values import ProjectFunction


class Remedy(Enum):
    """Which ways there may be to mend it."""

    UNBLOCK = "take the call off the event loop"
    AWAIT = "put `await` before the call"
    CONVERT = "make the whole function `async def`"
    TURN = "make it `async def`, and deal with every blocking call that it comes to"
    RELEASE = "take `await` away from before the call"
    SUSPEND = "put `async` before the `with` or `for` that the call stands in"
    REPLACE = "call something else with the same arguments"
    UNWRAP = "await the coroutine that is the only argument of the call"
    CALL = "call the function that is handed over, and await it"
    HAND_OVER = "give the function to the call, with its arguments behind it, instead of calling it"
    READ_ONCE = "give the client certificates that the module has read once"
    GATHER = "await it together with the call before it"
    MOVE = "call it in a lifespan instead of registering it"
    NONE = "no way is known"


class Remark(msgspec.Struct, frozen=True):
    """A rule applies to a call in a function, or to the function as a whole (no site).

    What is `raised` weighs as the remark says, also where its rule weighs less: most requests come by it.
    `advice` is said where there is no fix; `instead` is the dotted name of what `Remedy.REPLACE` calls; `notes` are
    whole sentences about what differs after the fix.
    """

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
    raised: bool = False
    advice: str = ""
    instead: str = ""
    notes: tuple[str, ...] = ()

    @property
    def only_fixed(self) -> bool:
        """Whether nothing is wrong, so that it is said only together with a fix."""
        return self.remedy is Remedy.TURN
