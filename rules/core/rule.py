"""A rule: one file, whose path is its name and whose docstring is its page."""

import re
from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import TYPE_CHECKING

import msgspec

from rules.core.findings import Severity

if TYPE_CHECKING:
    from rules.core.contexts import Contexts
    from rules.core.remarks import Remark

Check = Callable[["Contexts", str], "Iterator[Remark]"]
"""What a rule has to say of a file, given by its path."""

SECTIONS = ("What it does", "Why is this bad?", "Example", "Use instead", "Fix safety", "References")
_EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)


class Rule(msgspec.Struct):
    """A check with its page.

    Rules of blocking calls need no code: they speak of the calls whose rows under `rules/libraries/` name them. Another
    rule registers its check with `@rule.check`. `codes` are the names that flake8-async and ruff have for it; a `noqa` that
    names one of them silences it as well. Where `on_request` is true the rule speaks only when a person asks for all.
    """

    module: str
    page: str
    severity: Severity
    codes: tuple[str, ...] = ()
    checks: list[Check] = msgspec.field(default_factory=list)

    @property
    def name(self) -> str:
        """`blocking/sleep` for the module `rules.blocking.sleep`."""
        return "/".join(self.module.split(".")[1:])

    @property
    def title(self) -> str:
        """The first line of the page."""
        return self.page.partition("\n")[0]

    def section(self, title: str) -> str:
        """The text of one section of the page, empty where the page has none of that name."""
        found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", self.page, re.DOTALL | re.MULTILINE)
        return found[1].strip() if found else ""

    @property
    def examples(self) -> tuple[tuple[str, str | None], ...]:
        """Each example of the page, with what to use instead (None where the rule has no fix for it)."""
        before = [dedent(text) for text in _EXAMPLE.findall(self.section("Example"))]
        after: list[str | None] = [dedent(text) for text in _EXAMPLE.findall(self.section("Use instead"))]
        return tuple(zip(before, after + [None] * (len(before) - len(after)), strict=True))

    def check(self, function: Check) -> Check:
        """Decorator: what finds where the rule applies."""
        self.checks.append(function)
        return function
