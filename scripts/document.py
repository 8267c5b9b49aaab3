"""Writes the pages under `docs/` that are made from the code: the rules, and what is known of libraries.

With `--check` nothing is written; the exit status is 1 where a page is not up to date.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from rules import Rule, all_rules
from rules.core.catalog import libraries
from rules.core.library import Library

DOCS = Path(__file__).parent.parent / "docs"


def main() -> int:
    """Write the pages, or compare them with what would be written."""
    stale = [name for name, text in pages().items() if not _is_same(DOCS / name, text)]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is not up to date: run scripts/document.py", file=sys.stderr)
        return 1 if stale else 0
    DOCS.mkdir(exist_ok=True)
    for name in stale:
        (DOCS / name).write_text(pages()[name], encoding="utf-8")
    return 0


def pages() -> Mapping[str, str]:
    """The text of each page, by the name of its file."""
    return {"rules.md": "\n".join(rules_page()), "libraries.md": "\n".join(libraries_page())}


def rules_page() -> Iterator[str]:
    """Every rule in a table; its whole page is what `asyncify rule NAME` prints."""
    yield "# Rules\n\n`asyncify rule NAME` prints the page of a rule; a pack (`blocking`) names all of its rules.\n"
    yield "| rule | severity | fix | what it says |\n| --- | --- | --- | --- |"
    for rule in all_rules().values():
        yield f"| [`{rule.name}`](../rules/{rule.name}.py) | {rule.severity} | {_fix(rule)} | {_cell(rule.title)} |"
    yield ""


def libraries_page() -> Iterator[str]:
    """What blocks, by library."""
    yield "# What is known of libraries\n\nMade from the rows under `rules/libraries/`; `*` stands for every member.\n"
    for library in sorted(libraries(), key=lambda one: one.name):
        if library.blocking:
            yield from _table(library)


def _table(library: Library) -> Iterator[str]:
    yield f"## {library.name}\n\n| rule | blocks | awaitable twin |\n| --- | --- | --- |"
    for row in library.blocking:
        names = ", ".join(f"`{name}`" for name in row.names)
        yield f"| `{row.rule}` | {names} | {f'`{row.twin.name}`' if row.twin else ''} |"
    yield ""


def _fix(rule: Rule) -> str:
    return "yes" if any(after is not None for _, after in rule.examples) else "advice"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _is_same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
