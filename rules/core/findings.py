r"""What an analysis says: findings, each with the fixes that could be proved.

Everything here is plain data. Lines and columns start at 1, columns count characters, an end is exclusive;
a line ends at ``\n`` alone, as on GitHub.
"""

from enum import Enum, IntEnum

import msgspec


class Severity(IntEnum):
    """How much a finding matters; a higher number matters more."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


class Applicability(Enum):
    """How far a fix can be trusted: `safe` behaves the same, `unsafe` differs as its notes say."""

    SAFE = "safe"
    UNSAFE = "unsafe"

    def __str__(self) -> str:
        return self.value


class Way(Enum):
    """The way in which a fix takes blocking code off the event loop."""

    TWIN = "twin"  # an awaitable that does the same
    REVERSE = "def"  # `async def` becomes `def`: FastAPI runs it in a worker thread
    OFFLOAD = "offload"  # the call is handed to a worker thread
    CONVERT = "convert"  # `def` becomes `async def` as a whole
    REPAIR = "repair"  # a mistake in asynchronous code is mended

    def __str__(self) -> str:
        return self.value


class Span(msgspec.Struct, frozen=True, order=True):
    """A stretch of one file."""

    line: int
    column: int
    end_line: int
    end_column: int

    def __contains__(self, other: "Span") -> bool:
        return self.start <= other.start and other.end <= self.end

    @property
    def start(self) -> tuple[int, int]:
        return self.line, self.column

    @property
    def end(self) -> tuple[int, int]:
        return self.end_line, self.end_column


class Edit(msgspec.Struct, frozen=True, order=True):
    """One replacement. An empty span inserts, an empty replacement deletes."""

    path: str
    span: Span
    replacement: str


class Fix(msgspec.Struct, frozen=True):
    """Edits that belong together: all of them are made, or none.

    `title` says what it does in the imperative ("Await `asyncio.sleep`"); `notes` are whole sentences about what
    differs afterwards; `requires` are requirement specifiers that the project does not declare yet.
    """

    title: str
    way: Way
    edits: tuple[Edit, ...]
    applicability: Applicability = Applicability.SAFE
    notes: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """One function on the chain (at its `def` line), or the blocking call that ends it (at its own line)."""

    path: str
    line: int
    name: str


class Finding(msgspec.Struct, frozen=True):
    """A rule applies here.

    It stands where the remedy belongs. `function` is the qualified name of the enclosing function; `chain` leads
    from the function that the framework calls to the one in which the finding stands, and, where the cause lies deeper,
    on through the helpers to the blocking call itself (the last step).
    `fingerprint` is the same for the same finding in another version of the file: it holds no line number. `kin` is the
    same wherever the file lies as well, and so not unique.
    `fix` is the best fix that could be proved, `alternatives` the other ones, best first. `advice` says in Markdown what
    a person could do where there is no fix, and why there is none.
    """

    rule: str
    severity: Severity
    path: str
    span: Span
    message: str
    fingerprint: str
    function: str
    route: str | None = None
    chain: tuple[Step, ...] = ()
    fix: Fix | None = None
    alternatives: tuple[Fix, ...] = ()
    advice: str = ""
    introduced: bool = True
    kin: str = ""


class Unreadable(msgspec.Struct, frozen=True):
    """A file that could not be analysed, and why, in one sentence."""

    path: str
    reason: str


class Analysis(msgspec.Struct, frozen=True):
    """All that an analysis has to say, `findings` sorted by path, line, column, rule.

    `concerns_fastapi` is false where no file of the project registers anything with FastAPI or Starlette. `refusals` counts
    the fixes that were thought of and not offered, by reason.
    """

    findings: tuple[Finding, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    concerns_fastapi: bool = False
    refusals: dict[str, int] = msgspec.field(default_factory=dict)
