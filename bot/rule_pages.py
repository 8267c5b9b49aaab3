"""`asyncify rule`: what a rule finds, why, and what it does about it."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import click

from rules import Rule, all_rules


class UnknownRuleError(Exception):
    """No rule and no pack has this name; the message names what was probably meant."""


def find_rules(name: str | None) -> Sequence[Rule]:
    """The rules of that name or pack, all of them without a name. Raises UnknownRuleError where there is none."""
    rules = all_rules()
    found = [rule for rule in rules.values() if name in {None, rule.name, rule.name.split("/")[0]}]
    if not found:
        known = {*rules, *(known.split("/")[0] for known in rules)}
        raise UnknownRuleError(f"There is no rule or pack `{name}`.{_nearest(str(name), known)}")
    return found


def _nearest(name: str, known: Iterable[str]) -> str:
    found = get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f" Did you mean `{found[0]}`?" if found else ""


def print_pages(rules: Sequence[Rule], form: str) -> None:
    """Print the whole page of each rule."""
    if form == "json":
        click.echo(json.dumps([_described(rule) | {"page": rule.page} for rule in rules], indent=2))
    elif form == "markdown":
        click.echo("\n\n".join(_page(rule) for rule in rules))
    else:
        from rich.markdown import Markdown  # noqa: PLC0415 -- `check` looks up rules, and does without

        from bot.terminal import open_console  # noqa: PLC0415 -- the same

        console = open_console()
        for rule in rules:
            console.print(Markdown(_page(rule)), soft_wrap=False)


def print_index(rules: Sequence[Rule], form: str) -> None:
    """Print one line for each rule."""
    if form == "json":
        click.echo(json.dumps([_described(rule) for rule in rules], indent=2))
    elif form == "markdown":
        click.echo("\n".join(f"- `{rule.name}` ({rule.severity}): {rule.title}" for rule in rules))
    else:
        width = max(len(rule.name) for rule in rules)
        click.echo("\n".join(f"{rule.name:{width}}  {rule.severity!s:7}  {rule.title}" for rule in rules))


def _described(rule: Rule) -> dict[str, str]:
    return {"name": rule.name, "severity": str(rule.severity), "title": rule.title}


def _page(rule: Rule) -> str:
    return f"# {rule.name}\n\n{rule.page.strip()}"
