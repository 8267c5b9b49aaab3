"""`asyncify check` says of a local tree what the bot would say, in every format, and fixes it without harm."""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot import facts_cache
from bot.check import Wish, check
from bot.checkout import CheckoutError
from bot.cli import asyncify
from bot.fixing import fix_all
from bot.forks import FEWEST
from rules import Facts, all_rules, read_facts
from tests.bot.repository import Repository

MAIN = """\
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/items")
async def read_items() -> list[str]:
    time.sleep(1)
    return []
"""
OTHER = MAIN.replace("items", "orders")
CLEAN = MAIN.replace("    time.sleep(1)\n", "").replace("import time\n\n", "")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository, which is the current directory."""
    repository = Repository(tmp_path / "shop")
    monkeypatch.chdir(repository.root)
    return repository


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(asyncify, ["check", *arguments], catch_exceptions=False, env=env)


def found(*arguments: str) -> list[dict[str, Any]]:
    """The findings that `--format json` prints."""
    listed = json.loads(run(*arguments, "--format", "json").stdout)
    assert isinstance(listed, list)
    return listed


# --- what is found, and the exit status


def test_nothing_found_is_status_0(shop: Repository) -> None:
    """A clean tree is said to be clean."""
    shop.write({"app/main.py": CLEAN})
    result = run(".")

    assert result.exit_code == 0
    assert result.stdout == "No findings in 1 file.\n"
    assert result.stderr == ""
    assert found(".") == []


def test_something_found_is_status_1(shop: Repository) -> None:
    """Each format ends with the same status."""
    shop.write({"app/main.py": MAIN})

    for form in ("text", "json", "sarif", "github", "patch"):
        assert run(".", "--format", form).exit_code == 1


def test_only_the_given_paths_are_spoken_of(shop: Repository) -> None:
    """A directory means all that lies in it, a name that only begins alike is another one."""
    shop.write({"app/main.py": MAIN, "app2/main.py": OTHER, "lib/deep/main.py": OTHER})

    assert [one["path"] for one in found("app")] == ["app/main.py"]
    assert [one["path"] for one in found("app/main.py", "lib")] == ["app/main.py", "lib/deep/main.py"]
    assert [one["path"] for one in found(".")] == ["app/main.py", "app2/main.py", "lib/deep/main.py"]


def test_paths_are_those_of_the_project(shop: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever one stands, a file has one name for other programs; a person is shown where it lies from here."""
    shop.write({"app/main.py": MAIN})
    monkeypatch.chdir(shop.root / "app")

    assert [one["path"] for one in found(".")] == ["app/main.py"]
    assert run(".").stdout.startswith("main.py:10:5  error  blocking/sleep\n")


def test_a_file_that_does_not_parse(shop: Repository) -> None:
    """It is named on standard error and costs itself only; `--strict` makes it an error."""
    shop.write({"app/main.py": CLEAN, "app/broken.py": "def f(:\n", "other/broken.py": "x = (\n"})

    result = run("app")
    assert result.exit_code == 0
    assert result.stderr.startswith("app/broken.py: ")
    assert result.stderr.count("\n") == 1
    assert run("app", "--strict").exit_code == 2
    assert run("app/main.py", "--strict").exit_code == 0

    shop.write({"app/main.py": MAIN})
    assert run("app").exit_code == 1
    assert run("app", "--strict").exit_code == 2


def test_selected_and_ignored_rules(shop: Repository) -> None:
    """Rules and packs are named; what the command line selects overrules the configuration."""
    shop.write({"app/main.py": MAIN})

    assert len(found(".", "--select", "blocking")) == 1
    assert len(found(".", "--select", "blocking/sleep")) == 1
    assert found(".", "--ignore", "blocking/sleep") == []
    shop.write({".github/asyncify.toml": 'ignore = ["blocking"]\n'})
    assert found(".") == []


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_an_unknown_rule_is_refused(shop: Repository, option: str) -> None:
    """The nearest name is offered."""
    result = run(".", option, "blocking/slep")

    assert result.exit_code == 2
    assert "There is no rule or pack `blocking/slep`. Did you mean `blocking/sleep`?" in result.stderr


CRM = "def load(key):\n    return native(key)\n\n\nasync def load_async(key): ...\n"
THREADS = "def hand_over(function):\n    return function()\n"
OWN = """\
import time

from fastapi import FastAPI

from crm import load
from threads import hand_over

app = FastAPI()


@app.get("/{key}")
async def read(key: str) -> str:
    hand_over(lambda: time.sleep(1))
    await answer()
    return load(key)


async def answer() -> None: ...
"""
DECLARED = '[blocking]\n"crm.load" = "crm.load_async"\n\n[offloads]\n"threads.hand_over" = 0\n'


def test_a_repository_declares_what_blocks_and_what_hands_over(shop: Repository) -> None:
    """The names of its own functions, by their whole path, in the configuration that it keeps."""
    shop.write({"main.py": OWN, "crm.py": CRM, "threads.py": THREADS})
    assert [finding["rule"] for finding in found(".")] == ["blocking/sleep"]
    shop.write({".github/asyncify.toml": DECLARED})
    (finding,) = found(".")
    assert (finding["rule"], finding["line"]) == ("blocking/declared", 15)
    assert run(".", "--fix").exit_code == 0
    assert "    return await crm.load_async(key)\n" in (shop.root / "main.py").read_text()
    assert found(".") == []


def test_bad_configuration_is_status_2(shop: Repository) -> None:
    """It is named with file and line, and nothing is analysed."""
    shop.write({"a.py": MAIN, "pyproject.toml": "[tool.asyncify]\nselekt = []\n"})
    result = run(".")

    assert result.exit_code == 2
    assert result.stderr == "Error: pyproject.toml, line 2: unknown key `selekt` (did you mean `select`?).\n"


def test_a_path_that_does_not_exist(shop: Repository) -> None:
    """It is bad usage."""
    result = run("nowhere")

    assert result.exit_code == 2
    assert "'nowhere' does not exist" in result.stderr


def test_excluded_files_are_silent(shop: Repository) -> None:
    """`exclude` holds for a local check as well."""
    shop.write({"app/main.py": MAIN, "legacy/main.py": OTHER, ".github/asyncify.toml": 'exclude = ["legacy/"]\n'})

    assert [one["path"] for one in found(".")] == ["app/main.py"]


def test_the_file_of_our_own_counts_alone(shop: Repository) -> None:
    """As on GitHub: what `pyproject.toml` says is then no part of it, not even where it is wrong."""
    shop.write({"a.py": MAIN, "pyproject.toml": "[tool.asyncify]\nexclude = ['*.py']\nselekt = []\n"})
    shop.write({".github/asyncify.toml": "severity = 'info'\n"})

    assert [one["path"] for one in found(".")] == ["a.py"]


def test_a_configuration_that_cannot_be_read(shop: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said in one sentence."""
    shop.write({"a.py": MAIN, "pyproject.toml": ""})

    def read_bytes(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    result = run("a.py")
    assert (result.exit_code, result.stderr.endswith("pyproject.toml cannot be read: Permission denied.\n")) == (
        2,
        True,
    )


# --- what is new


def test_since_a_revision_only_what_is_new_is_said(shop: Repository) -> None:
    """Committed or not, and measured from the merge base."""
    shop.commit({"app/main.py": MAIN})
    shop.git("tag", "start")
    shop.commit({"app/orders.py": OTHER})
    shop.write({"app/more.py": OTHER.replace("orders", "more"), "app/main.py": "# moved\n\n" + MAIN})

    since = found(".", "--base", "start")
    assert [(one["path"], one["introduced"]) for one in since] == [("app/more.py", True), ("app/orders.py", True)]
    assert [one["path"] for one in found(".", "--base", "HEAD")] == ["app/more.py"]
    assert len(found(".")) == 3


def test_a_base_that_does_not_exist(shop: Repository) -> None:
    """It is said in one sentence."""
    shop.commit({"a.py": MAIN})
    result = run(".", "--base", "nowhere")

    assert result.exit_code == 2
    assert result.stderr == "Error: There is no commit `nowhere` here.\n"


def test_without_git_there_is_no_base(tmp_path: Path) -> None:
    """A plain directory is checked all the same, but not against a revision."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/main.py").write_text(MAIN)

    assert [one["path"] for one in found(str(tmp_path / "plain"))] == ["main.py"]
    assert run(str(tmp_path / "plain"), "--base", "HEAD").exit_code == 2


# --- formats


def test_json_field_by_field(shop: Repository) -> None:
    """Every field is there, has its type, and is true of the file."""
    shop.write({"app/main.py": MAIN})

    (finding,) = found(".")
    fix = finding.pop("fix")
    message, fingerprint, chain = (finding.pop(key) for key in ("message", "fingerprint", "chain"))
    assert finding == {
        "rule": "blocking/sleep",
        "severity": "error",
        "path": "app/main.py",
        "line": 10,
        "column": 5,
        "end_line": 10,
        "end_column": 18,
        "route": "GET /items",
        "introduced": True,
    }
    assert isinstance(message, str)
    assert "time.sleep" in message
    assert re.fullmatch(r"[0-9A-Za-z]{8,}", fingerprint)
    assert chain[0] == {"path": "app/main.py", "line": 9, "name": "read_items"}
    assert fix.keys() == {"applicability", "notes", "requires", "edits"}
    assert (fix["applicability"], fix["requires"]) == ("safe", [])
    assert all(isinstance(note, str) for note in fix["notes"])
    fixed = with_edits(MAIN, fix["edits"], path="app/main.py")
    compile(fixed, "main.py", "exec")
    assert re.search(r"^    await \w+\.sleep\(1\)$", fixed, re.MULTILINE)


def with_edits(text: str, edits: list[dict[str, Any]], *, path: str) -> str:
    """Make the edits as the contract describes them, from the last to the first."""
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda edit: (-edit["start_line"], -edit["start_column"])):
        assert edit.keys() == {"path", "start_line", "start_column", "end_line", "end_column", "replacement"}
        assert edit["path"] == path
        start, end = edit["start_line"] - 1, edit["end_line"] - 1
        replaced = lines[start][: edit["start_column"] - 1] + edit["replacement"] + lines[end][edit["end_column"] - 1 :]
        lines[start : end + 1] = replaced.split("\n")
    return "\n".join(lines)


MIXED = """\
import time

from fastapi import FastAPI

app = FastAPI()


class Shop:
    @property
    def open(self) -> bool:
        time.sleep(1)
        return True


async def audit(what: str) -> None:
    print(what)


@app.middleware("http")
async def note(request, call_next):
    time.sleep(1); time.sleep(2)
    audit("x")
    return await call_next(request)


@app.get("/x")
async def index() -> bool:
    shop = Shop()
    return shop.open
"""


def test_json_is_in_order(shop: Repository) -> None:
    """By path, line, column and rule; what there is none of is null."""
    shop.write({"b/main.py": MIXED, "a.py": MIXED, "b.py": MAIN})
    listed = found(".")

    places = [(one["path"], one["line"], one["column"], one["rule"]) for one in listed]
    assert places == sorted(places)
    assert {place[0] for place in places} == {"a.py", "b.py", "b/main.py"}
    assert {one["route"] for one in listed} == {None, "GET /items", "GET /x"}
    assert {one["severity"] for one in listed} <= {"error", "warning", "info"}
    assert {one["fix"] and one["fix"]["applicability"] for one in listed} == {None, "safe", "unsafe"}
    (forgotten,) = [one for one in listed if (one["path"], one["rule"]) == ("a.py", "awaiting/forgotten")]
    assert forgotten["fix"]["notes"]


def test_json_counts_characters(shop: Repository) -> None:
    """Not bytes, not UTF-16 units."""
    shop.write({"app/main.py": MAIN.replace("    time.sleep(1)", "    '\u00e9\U0001f600'; time.sleep(1)")})

    (finding,) = found(".")
    assert (finding["column"], finding["end_column"]) == (11, 24)


def test_text_shows_the_line_and_the_fix(shop: Repository) -> None:
    """Place, rule, message, the line with its mark, the chain, the diff, and what a command would fix."""
    shop.write({"app/main.py": MAIN})
    shown = run(".").stdout

    assert shown.startswith("app/main.py:10:5  error  blocking/sleep\n  ")
    assert "\n  10 |     time.sleep(1)\n     |     ^^^^^^^^^^^^^\n" in shown
    assert "GET /items: read_items (app/main.py:9)" in shown
    assert "\n  Fix (safe): " in shown
    assert "\n    -    time.sleep(1)\n" in shown
    assert shown.endswith("\n1 finding (1 error) in 1 file. --fix fixes 1.\n")
    assert "\x1b" not in shown


def test_text_is_coloured_where_colour_is_wanted(shop: Repository) -> None:
    """`FORCE_COLOR` stands for a terminal; the words are the same."""
    shop.write({"app/main.py": MAIN})
    coloured = run(".", env={"FORCE_COLOR": "1", "TERM": "xterm"}).stdout

    assert "\x1b[32m    +" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == run(".").stdout


def test_text_of_a_hostile_file(shop: Repository) -> None:
    """No control character of a file reaches the terminal."""
    shop.write({"app/main.py": MAIN.replace("sleep(1)", "sleep(1)  # \x1b[2J\u202e")})
    shown = run(".").stdout

    assert "time.sleep(1)  # \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}\n" in shown
    assert "\x1b" not in shown


def test_a_tab_is_marked_where_it_is_shown(shop: Repository) -> None:
    """The mark stands beneath the call, whatever the indentation and the width of characters."""
    shop.write({"app/main.py": MAIN.replace("    time.sleep(1)\n    return", "\t'\u6f22'; time.sleep(1)\n\treturn")})

    assert "\n  10 |     '\u6f22'; time.sleep(1)\n     |           ^^^^^^^^^^^^^\n" in run(".").stdout


def test_sarif(shop: Repository) -> None:
    """Results, rules, regions, chain and fix stand where SARIF 2.1.0 wants them."""
    shop.write({"app/a main.py": MAIN, "app/broken.py": "x = (\n"})
    log = json.loads(run(".", "--format", "sarif").stdout)

    (run_,) = log["runs"]
    (result,) = run_["results"]
    (rule,) = run_["tool"]["driver"]["rules"]
    assert log["version"] == "2.1.0"
    assert (run_["tool"]["driver"]["name"], run_["columnKind"]) == ("asyncify", "unicodeCodePoints")
    assert run_["originalUriBaseIds"]["%SRCROOT%"]["uri"] == f"{shop.root.as_uri()}/"
    assert (rule["id"], rule["defaultConfiguration"]) == ("blocking/sleep", {"level": "error"})
    assert rule["help"]["markdown"] == all_rules()["blocking/sleep"].page
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("blocking/sleep", 0, "error")
    artifact = {"uri": "app/a%20main.py", "uriBaseId": "%SRCROOT%"}
    region = {"startLine": 10, "startColumn": 5, "endLine": 10, "endColumn": 18}
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": artifact, "region": region}}]
    assert list(result["partialFingerprints"]) == ["asyncify/v1"]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert steps[0]["location"]["message"] == {"text": "read_items"}
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == artifact
    assert change["replacements"][0].keys() == {"deletedRegion", "insertedContent"}
    (notification,) = run_["invocations"][0]["toolExecutionNotifications"]
    assert notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "app/broken.py"


def test_workflow_commands(shop: Repository) -> None:
    """One line a finding; what would end a property or the line is escaped."""
    shop.write({"app/a,b:100%.py": MAIN})
    printed = run(".", "--format", "github").stdout

    start = "::error file=app/a%2Cb%3A100%25.py,line=10,endLine=10,col=5,endColumn=18,title=blocking/sleep::"
    assert printed.startswith(start)
    assert printed.count("\n") == 1


def test_the_patch_is_what_git_applies(shop: Repository) -> None:
    """Applied by Git, it makes the very text that `--fix` writes; line ends and a missing last one are kept."""
    names = {"app/main.py": MAIN, "app/a b.py": MAIN.rstrip("\n"), 'app/q"\u00e9.py': MAIN.replace("\n", "\r\n")}
    shop.commit(names)
    patch = run(".", "--format", "patch").stdout_bytes
    (shop.root / "fix.patch").write_bytes(patch)

    assert shop.git("status", "--porcelain", "--untracked-files=no") == ""
    shop.git("apply", "fix.patch")
    applied = {name: (shop.root / name).read_bytes() for name in names}
    shop.git("checkout", "--quiet", ".")
    assert run(".", "--fix").exit_code == 0
    assert applied == {name: (shop.root / name).read_bytes() for name in names}
    assert all(b"time" not in text for text in applied.values())


# --- fixes


def test_fix_writes_until_nothing_is_left(shop: Repository) -> None:
    """Several findings in one file are fixed one after the other, and the last one takes the import with it."""
    shop.write({"app/main.py": MAIN.replace("    time.sleep(1)\n", "    time.sleep(1)\n    time.sleep(2)\n")})
    (shop.root / "app/main.py").chmod(0o755)
    result = run(".", "--fix")

    fixed = (shop.root / "app/main.py").read_text()
    assert result.exit_code == 0
    assert re.fullmatch(r"(Fixed app/main\.py:1\d  blocking/sleep: .+\n){2}No findings in 1 file\.\n", result.stdout)
    assert "time.sleep" not in fixed
    assert "import time" not in fixed
    assert fixed.count("    await ") == 2
    assert (shop.root / "app/main.py").stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in (shop.root / "app").iterdir()) == ["main.py"]


def test_unsafe_fixes_are_made_where_they_are_asked_for(shop: Repository) -> None:
    """Also in a patch; without that they are only told."""
    shop.write({"a.py": MIXED})

    assert "await audit" not in run(".", "--format", "patch").stdout
    assert "+    await audit" in run(".", "--format", "patch", "--unsafe-fixes").stdout
    run(".", "--fix")
    assert "    audit(" in (shop.root / "a.py").read_text()
    run(".", "--fix", "--unsafe-fixes")
    assert "    await audit(" in (shop.root / "a.py").read_text()


def test_all_that_can_be_proved(shop: Repository) -> None:
    """What pays little is told, and fixed, where it is asked for."""
    plain = CLEAN.replace("async def", "def")
    shop.write({"app/main.py": plain})

    assert found(".") == []
    (finding,) = found(".", "--all")
    assert (finding["rule"], finding["severity"]) == ("endpoints/threaded", "info")
    assert run(".", "--fix").exit_code == 0
    assert (shop.root / "app/main.py").read_text() == plain
    assert run(".", "--all", "--fix").exit_code == 0
    assert (shop.root / "app/main.py").read_text() == CLEAN


def test_fix_leaves_other_paths_alone(shop: Repository) -> None:
    """Only findings in the given paths are fixed."""
    shop.write({"a.py": MAIN, "b.py": OTHER})

    assert run("a.py", "--fix").exit_code == 0
    assert (shop.root / "b.py").read_text() == OTHER
    assert (shop.root / "a.py").read_text() != MAIN


def test_fix_keeps_standard_output_for_the_format(shop: Repository) -> None:
    """What was done is said on standard error where another program reads along."""
    shop.write({"a.py": MAIN})
    result = run(".", "--fix", "--format", "json")

    assert json.loads(result.stdout) == []
    assert result.stderr.startswith("Fixed a.py:10  blocking/sleep: ")


def test_a_file_that_changed_meanwhile_is_not_written(shop: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever saved while the check ran keeps the work; no file is written at all."""
    shop.write({"a.py": MAIN, "b.py": OTHER})

    def saved_meanwhile(*args: Any, **kwargs: Any) -> Any:
        shop.write({"b.py": "# mine\n"})
        return fix_all(*args, **kwargs)

    monkeypatch.setattr("bot.check.fix_all", saved_meanwhile)
    with pytest.raises(CheckoutError, match=r"b\.py changed while it was read: nothing was written"):
        check(Wish(paths=(shop.root,), fix=True))

    assert (shop.root / "a.py").read_text() == MAIN
    assert (shop.root / "b.py").read_text() == "# mine\n"


# --- the cache


def test_what_was_read_is_not_read_again(shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a blob that was never seen is parsed; another version of the engine has seen none."""
    read: list[bytes] = []

    def noted(source: bytes) -> Facts:
        read.append(source)
        return read_facts(source)

    monkeypatch.setattr("bot.shares.read_facts", noted)
    shop.write({"a.py": MAIN, "b.py": CLEAN})

    first = found(".")
    assert sorted(read) == sorted([MAIN.encode(), CLEAN.encode()])
    (cache,) = (tmp_path / "cache/asyncify").iterdir()
    kept = cache.stat().st_ino
    read.clear()
    assert found(".") == first
    assert read == []
    assert cache.stat().st_ino == kept, "it was written anew for nothing"
    shop.write({"b.py": OTHER})
    assert len(found(".")) == 2
    assert read == [OTHER.encode()]
    read.clear()
    monkeypatch.setattr("bot.facts_cache.engine_version", lambda: "another")
    assert len(found(".")) == 2
    assert len(read) == 2


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda _: b"\xff" * 99, lambda whole: whole[:-1], lambda whole: whole[:-1] + b"\xc1"],
    ids=["empty", "noise", "cut", "one byte"],
)
def test_a_broken_cache_is_ignored(
    shop: Repository, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    """It is logged, and written anew."""
    shop.write({"a.py": MAIN})
    first = found(".")
    (cache,) = (tmp_path / "cache/asyncify").iterdir()
    whole = cache.read_bytes()
    cache.write_bytes(damage(whole))

    assert found(".") == first
    assert "is damaged" in caplog.text
    assert cache.read_bytes() == whole


def test_a_directory_without_python(shop: Repository) -> None:
    """It is said, since somebody may have meant another one; nothing was found all the same."""
    shop.write({"notes/read.ipynb": "{}"})

    assert (run("notes").exit_code, run("notes").stdout) == (0, "There is no Python file to check.\n")


def test_a_user_without_a_home(shop: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the user may be a mere number: then nothing is kept."""
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    shop.write({"main.py": MAIN})

    assert run("main.py").exit_code == 1


def test_a_cache_that_cannot_be_written(shop: Repository, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The check is done all the same."""
    (tmp_path / "cache").write_text("in the way")
    shop.write({"a.py": MAIN})

    assert len(found(".")) == 1
    assert "could not be written" in caplog.text


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # by the tests
def test_much_is_read_by_several_processes(shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file by one of them. The findings are the same, and so is what is kept."""
    shop.write({f"app/m{number}.py": f"# {number}\n{MAIN}" for number in range(2 * FEWEST)})
    alone = found(".")
    (cache,) = (Path(os.environ["XDG_CACHE_HOME"]) / "asyncify").iterdir()
    cache.unlink()
    readers = tmp_path / "readers"

    def noted(source: bytes) -> Facts:
        with readers.open("a") as notes:
            notes.write(f"{os.getpid()}\n")
        return read_facts(source)

    monkeypatch.setattr("bot.facts_cache.SHARED_FROM", 1)
    monkeypatch.setattr("bot.shares.read_facts", noted)
    monkeypatch.setattr("bot.forks._cores", lambda: 2)
    monkeypatch.setattr("bot.forks._threads", lambda: 1)  # others are those of the tests

    assert found(".") == alone
    assert len(alone) == 2 * FEWEST
    processes = readers.read_text().split()
    assert len(processes) == 2 * FEWEST
    assert len(set(processes)) == 2
    monkeypatch.setattr("bot.shares.read_facts", None)
    assert found(".") == alone


# --- as it is installed


def in_a_process(path: str) -> subprocess.CompletedProcess[bytes]:
    project = Path(facts_cache.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-m", "bot", "check", path, "--format", "json"],
        env=os.environ | {"PYTHONPATH": str(project)},
        capture_output=True,
        check=False,
    )


def test_the_command_itself(shop: Repository) -> None:
    """`python -m bot check` is a process with these outputs and this status."""
    shop.write({"app/main.py": MAIN})
    done = in_a_process("app")

    assert done.returncode == 1
    assert done.stderr == b""
    assert [one["rule"] for one in json.loads(done.stdout)] == ["blocking/sleep"]


def test_all_that_the_command_says_arrives(shop: Repository) -> None:
    """It ends its process at once, but not before: this is more than a pipe holds."""
    shop.write({f"app/m{number}.py": MAIN for number in range(150)})
    done = in_a_process(".")

    assert done.returncode == 1
    assert len(done.stdout) > 65_536
    assert len(json.loads(done.stdout)) == 150
