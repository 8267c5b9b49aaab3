"""The commands: what they print, and the status with which they end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot import cli
from bot.cli import asyncify
from bot.errors import SettingsError
from bot.settings import Settings
from rules import all_rules
from tests.bot.repository import Repository

MAIN = """\
from fastapi import FastAPI
import time

app = FastAPI()


@app.get("/items")
async def read_items() -> list[str]:
    return []
"""
BLOCKING = MAIN.replace("    return", "    time.sleep(1)\n    return")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(asyncify, arguments, catch_exceptions=False)


# --- how it ends


@pytest.mark.parametrize(
    "arguments",
    [[""], ["nothing"], ["check"], ["check", "--nothing", "."], ["review"], ["check", ".", "--format", "xml"]],
    ids=["blank", "no command", "no path", "no option", "no range", "no format"],
)
def test_bad_usage_is_status_2(arguments: list[str]) -> None:
    """And standard output stays empty."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr


def test_help_names_every_command() -> None:
    """One line each."""
    listed = run("--help").stdout

    assert all(f"\n  {name}" in listed for name in ("check", "review", "rule", "serve", "web", "worker"))


def test_an_interrupted_check_found_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at the status alone must not take it for a finding, nor for none."""

    def check(_wish: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.check.check", check)

    assert run("check", ".").exit_code == 130


def test_a_mistake_of_our_own_is_not_taken_for_a_finding(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Status 1 means that something was found, so a crash ends with 2 and its traceback."""

    def broken(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "asyncify", broken)
    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == 2
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_wrong_settings_are_named(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In plain sentences, all at once, and nothing is started."""
    monkeypatch.setenv("PORT", "eighty")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    result = run(command)

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert "PORT" in result.stderr
    assert "LOG_LEVEL" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_a_server_is_started_with_its_settings(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command starts its own; what the start refuses is said like the settings."""

    def start(settings: Settings) -> None:
        raise SettingsError((f"{command} was started on port {settings.port}",))

    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setattr(f"bot.app.{command}", start)
    result = run(command)

    assert (result.exit_code, result.stderr) == (2, f"Error: {command} was started on port 8123\n")


def test_the_process_ends_as_the_command_does(tmp_path: Path) -> None:
    """`python -m bot` is `asyncify`."""
    project = Path(cli.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(project), "XDG_CACHE_HOME": str(tmp_path)}
    (tmp_path / "main.py").write_text(MAIN)

    def status(*arguments: str) -> int:
        command = [sys.executable, "-m", "bot", *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False).returncode

    assert status("check", "main.py") == 0
    assert status("check", "nowhere.py") == 2
    assert status("nothing") == 2


# --- review


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository whose branch `main` is clean, and whose branch `feature` adds what blocks the event loop."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repository = Repository(tmp_path / "shop")
    repository.commit({"app/main.py": MAIN})
    repository.git("switch", "--quiet", "--create", "feature")
    repository.commit({"app/items.py": BLOCKING})
    return repository


@pytest.mark.parametrize("commits", ["main..feature", "main...feature", "main.."])
def test_a_dry_run_shows_the_review(shop: Repository, commits: str) -> None:
    """The comment beneath its lines, the suggestion, and the check run; nothing of the repository is changed."""
    result = run("review", commits, "--repo", str(shop.root / "app"))

    assert result.exit_code == 0
    assert "app/items.py, line" in result.stdout
    assert "    9 > +    time.sleep(1)\n" in result.stdout
    assert "Suggested change" in result.stdout
    assert "asyncify: check run" in result.stdout
    assert shop.git("status", "--porcelain") == ""


def test_a_dry_run_as_markdown(shop: Repository) -> None:
    """The bodies are printed as they would be sent, with their markers."""
    result = run("review", "main..feature", "--repo", str(shop.root), "--format", "markdown")

    assert result.stdout.startswith("# Review\n\n")
    assert "\n# app/items.py, line" in result.stdout
    assert "```suggestion\n" in result.stdout
    assert "<!-- asyncify" in result.stdout


def test_a_dry_run_on_what_changes_nothing(shop: Repository) -> None:
    """There is no review to show, and the check run says so."""
    result = run("review", "feature..feature", "--repo", str(shop.root))

    assert result.exit_code == 0
    assert "No review: there is nothing to say inline." in result.stdout
    assert "asyncify: check run" in result.stdout


def test_a_dry_run_takes_the_configuration_of_the_base(shop: Repository) -> None:
    """A pull request cannot switch off its own review."""
    shop.commit({".github/asyncify.toml": 'ignore = ["blocking"]\n'})
    assert "Suggested change" in run("review", "main..feature", "--repo", str(shop.root)).stdout

    shop.git("switch", "--quiet", "main")
    shop.commit({".github/asyncify.toml": 'ignore = ["blocking"]\n'})
    shop.git("switch", "--quiet", "--create", "later")
    shop.commit({"app/items.py": BLOCKING})
    assert "No review" in run("review", "main..later", "--repo", str(shop.root)).stdout


def test_a_dry_run_in_a_wider_scope(shop: Repository) -> None:
    """What was there before gets its fix where the configuration wants to hear of it."""
    shop.git("switch", "--quiet", "main")
    shop.commit({"app/items.py": BLOCKING, ".github/asyncify.toml": 'scope = "changed-files"\n'})
    shop.git("switch", "--quiet", "--create", "later")
    shop.commit({"app/items.py": BLOCKING.replace("[]", '["one"]')})
    assert "Suggested change" in run("review", "main..later", "--repo", str(shop.root)).stdout


@pytest.mark.parametrize(
    ("commits", "sentence"),
    [("main", "`main` is no range of commits"), ("main..nowhere", "There is no commit `nowhere` here.")],
)
def test_a_dry_run_on_no_range(shop: Repository, commits: str, sentence: str) -> None:
    """Status 2 and one sentence."""
    result = run("review", commits, "--repo", str(shop.root))

    assert result.exit_code == 2
    assert sentence in result.stderr


# --- rule


def test_the_page_of_a_rule() -> None:
    """As Markdown it is the page itself, beneath its name."""
    page = all_rules()["blocking/sleep"].page.strip()

    assert run("rule", "blocking/sleep", "--format", "markdown").stdout == f"# blocking/sleep\n\n{page}\n"
    assert "blocking/sleep" in run("rule", "blocking/sleep").stdout
    (listed,) = json.loads(run("rule", "blocking/sleep", "--format", "json").stdout)
    rule = all_rules()["blocking/sleep"]
    assert listed == {"name": rule.name, "severity": str(rule.severity), "title": rule.title, "page": rule.page}


@pytest.mark.parametrize("arguments", [[], ["--all"]], ids=["index", "pages"])
def test_every_rule_is_listed(arguments: list[str]) -> None:
    """One line each without a name, all pages with `--all`."""
    for form in ("text", "markdown"):
        printed = run("rule", *arguments, "--format", form).stdout
        assert all(name in printed for name in all_rules())
    listed = json.loads(run("rule", *arguments, "--format", "json").stdout)
    assert [one["name"] for one in listed] == list(all_rules())
    assert all(("page" in one) == bool(arguments) for one in listed)


def test_a_pack_is_all_of_its_rules() -> None:
    """Its pages follow one another."""
    listed = json.loads(run("rule", "blocking", "--format", "json").stdout)

    assert [one["name"] for one in listed] == [name for name in all_rules() if name.startswith("blocking/")]


def test_an_unknown_rule() -> None:
    """The nearest name is offered."""
    result = run("rule", "blocking/slep")

    assert result.exit_code == 2
    assert result.stderr == "Error: There is no rule or pack `blocking/slep`. Did you mean `blocking/sleep`?\n"


def test_a_name_and_all_contradict() -> None:
    """Which is bad usage."""
    assert run("rule", "blocking/sleep", "--all").exit_code == 2
