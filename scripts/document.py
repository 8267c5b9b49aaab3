"""Writes the pages under `docs/` that are made from the code: rules, libraries, and the schema of a configuration file.

With `--check` nothing is written; the exit status is 1 where a page is not up to date.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from bot.config import MEANINGS, HttpClient, RepositoryConfig, Scope
from rules import Rule, Severity, all_rules
from rules.core.catalog import libraries
from rules.core.library import Library

DOCS = Path(__file__).parent.parent / "docs"


def main() -> int:
    """Write the pages, or compare them with what would be written."""
    stale = [name for name, text in pages().items() if not _is_same(DOCS / name, text)]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is not up to date: run .venv/bin/python -m scripts.document", file=sys.stderr)
        return 1 if stale else 0
    DOCS.mkdir(exist_ok=True)
    for name in stale:
        (DOCS / name).write_text(pages()[name], encoding="utf-8")
    return 0


def pages() -> Mapping[str, str]:
    """The text of each page, by the name of its file."""
    return {
        "rules.md": "\n".join(rules_page()),
        "libraries.md": "\n".join(libraries_page()),
        "asyncify.schema.json": json.dumps(schema(), indent=2) + "\n",
    }


def schema() -> dict[str, Any]:
    """What `.github/asyncify.toml` may hold, for editors: https://json-schema.org/draft/2020-12/json-schema-core."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "asyncify",
        "description": "Settings in .github/asyncify.toml, or under [tool.asyncify] in pyproject.toml.",
        "type": "object",
        "additionalProperties": False,
        "properties": {key: {"description": MEANINGS[key], **kind} for key, kind in _kinds().items()},
    }


def _kinds() -> Mapping[str, dict[str, Any]]:
    defaults = RepositoryConfig()
    packs = {name.partition("/")[0] for name in all_rules()}
    rules = {"type": "array", "items": {"enum": sorted({*all_rules(), *packs})}, "uniqueItems": True, "default": []}
    severities = [severity.name.lower() for severity in sorted(Severity)]
    count = {"type": "integer", "minimum": 0}
    limits = defaults.max_comments
    return {
        "enabled": _flag(defaults.enabled),
        "select": rules,
        "ignore": rules,
        "exclude": {"type": "array", "items": {"type": "string"}, "default": []},
        "scope": {"enum": list(get_args(Scope)), "default": defaults.scope},
        "severity": {"enum": severities, "default": defaults.severity.name.lower()},
        "unsafe-suggestions": _flag(defaults.unsafe_suggestions),
        "http-client": {"enum": list(get_args(HttpClient)), "default": defaults.http_client},
        "fail-on": {"enum": ["never", *severities], "default": "never"},
        "review-drafts": _flag(defaults.review_drafts),
        "review-bots": _flag(defaults.review_bots),
        "max-comments": {
            "oneOf": [
                count,
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "review": {**count, "default": limits.review},
                        "pull-request": {**count, "default": limits.pull_request},
                    },
                },
            ],
            "default": limits.review,
        },
        "blocking": _names({"type": "string"}),
        "offloads": _names(count),
    }


def _flag(default: bool) -> dict[str, Any]:
    return {"type": "boolean", "default": default}


def _names(kind: Mapping[str, Any]) -> dict[str, Any]:
    """A table by dotted name; TOML makes tables within tables of names that are not quoted."""
    return {"type": "object", "additionalProperties": {"anyOf": [kind, {"type": "object"}]}, "default": {}}


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
