"""The commands. What a command needs is imported when it runs, so that each starts quickly."""

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.settings import Settings

T = TypeVar("T")

INTERRUPTED = 130
"""The status of a command that Ctrl-C ended, as shells tell it: 1 means that something was found."""

RULE_NAMES: dict[str, Any] = {"multiple": True, "metavar": "NAME"}


def main() -> None:
    """Run `asyncify`. A failure of our own also ends with status 2, since 1 means that something was found."""
    try:
        asyncify(prog_name="asyncify", obj=_leave)
    except Exception:
        import logging  # noqa: PLC0415 -- only a failure pays for it

        logging.getLogger(__name__).exception("asyncify failed; this is a mistake in asyncify itself.")
        sys.exit(2)


def _leave(status: int) -> NoReturn:
    """End this process at once: to give back piece by piece what an analysis has in memory takes a tenth of a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Refused(click.ClickException):
    """What was asked for cannot be done; the message says why."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="asyncify-bot")
def asyncify() -> None:
    """Find code that blocks the event loop of FastAPI applications, and replace it."""


@asyncify.command()
def serve() -> None:
    """Run the bot in one process, with an embedded database."""
    from bot import app  # noqa: PLC0415 -- only the server pays for it

    _refusing(lambda: app.serve(_settings()))


@asyncify.command()
def web() -> None:
    """Take deliveries from GitHub; needs DATABASE_URL."""
    from bot import app  # noqa: PLC0415 -- only the server pays for it

    _refusing(lambda: app.web(_settings()))


@asyncify.command()
def worker() -> None:
    """Do what deliveries ask for; needs DATABASE_URL."""
    from bot import app  # noqa: PLC0415 -- only the server pays for it

    _refusing(lambda: app.worker(_settings()))


@asyncify.command()
def doctor() -> None:
    """Check credentials, permissions, webhook, deliveries, clock and database.

    Ends with status 0 where all is well, 1 where something is to be mended, 2 where it could not run.
    """
    import asyncio  # noqa: PLC0415 -- only the server pays for it

    from bot.doctor import examine  # noqa: PLC0415 -- the same
    from bot.logs import configure_logs  # noqa: PLC0415 -- the same

    settings = _refusing(_settings)
    configure_logs("CRITICAL")  # what is wrong is said in the lines below
    checks = asyncio.run(examine(settings))
    for check in checks:
        click.echo(check)
    sys.exit(1 if any(check.remedy for check in checks) else 0)


def _settings() -> "Settings":
    from bot.settings import read_settings  # noqa: PLC0415 -- only the server pays for it

    return read_settings(os.environ)


@asyncify.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.option("--base", metavar="REV", help="Say only what is new since REV (since the merge base of REV and HEAD).")
@click.option(
    "--all", "everything", is_flag=True, help="Also what pays little: whole conversions, calls that seldom block."
)
@click.option("--fix", is_flag=True, help="Make the safe fixes.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --format patch: the unsafe fixes as well.")
@click.option("--select", **RULE_NAMES, help="Only this rule or pack. May be given again.")
@click.option("--ignore", **RULE_NAMES, help="Not this rule or pack. May be given again.")
@click.option(
    "--format", type=click.Choice(["text", "json", "sarif", "github", "patch"]), default="text", show_default=True
)
@click.option("--strict", is_flag=True, help="Status 2 where a file could not be read.")
def check(select: tuple[str, ...], ignore: tuple[str, ...], **wish: Any) -> None:
    """Check the files at PATH, with their project.

    Ends with status 0 where nothing was found, 1 where something was, 2 where it could not run.
    """
    gc.disable()  # what is loaded stays: nothing of it is garbage
    from bot.check import Wish, check  # noqa: PLC0415 -- the analysis takes its time to load

    gc.enable()

    asked = Wish(select=frozenset(select), ignore=frozenset(ignore), **wish)
    status = _refusing(lambda: check(asked))
    leave = click.get_current_context().obj or sys.exit  # where others run it, the process is theirs
    leave(status)


@asyncify.command()
@click.argument("commits", metavar="BASE..HEAD")
@click.option(
    "--repo",
    "repository",
    default=".",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A clone of the repository.",
)
@click.option("--format", type=click.Choice(["text", "markdown"]), default="text", show_default=True)
def review(commits: str, repository: Path, format: str) -> None:  # noqa: A002 -- the name of the option
    """Print the review that the bot would post.

    The commits are taken for a pull request. Nothing is sent anywhere.
    """
    from bot.dry_run import dry_run  # noqa: PLC0415 -- the analysis takes its time to load
    from bot.preview import print_markdown, print_preview  # noqa: PLC0415 -- the same

    drafted = _refusing(lambda: dry_run(repository, commits))
    if format == "markdown":
        print_markdown(drafted.review, drafted.check_run)
    else:
        print_preview(drafted.review, drafted.check_run, drafted.files)


@asyncify.command()
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="The pages of all rules.")
@click.option("--format", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def rule(name: str | None, everything: bool, format: str) -> None:  # noqa: A002 -- the name of the option
    """Print the page of the rule or pack NAME.

    Without a name, one line for each rule.
    """
    from bot.rule_pages import find_rules, print_index, print_pages  # noqa: PLC0415 -- the rules take time to load

    if name and everything:
        raise click.UsageError("Give a NAME or --all, not both.")
    found = _refusing(lambda: find_rules(name))
    if name or everything:
        print_pages(found, format)
    else:
        print_index(found, format)


def _refusing(do: Callable[[], T]) -> T:
    """What `do` returns; what a person can mend is said in its own words, with status 2."""
    from bot.checkout import CheckoutError  # noqa: PLC0415 -- it takes the vocabulary of the rules along
    from bot.config import ConfigError  # noqa: PLC0415 -- the same
    from bot.rule_pages import UnknownRuleError  # noqa: PLC0415 -- the same

    try:
        return do()
    except (CheckoutError, ConfigError, SettingsError, UnknownRuleError) as error:
        raise Refused(str(error)) from None
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
