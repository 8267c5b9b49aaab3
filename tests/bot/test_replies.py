"""What the bot answers cannot be broken by what it quotes, nor can what it commits."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot import replies
from bot.config import CONFIG_PATH, Layer, RepositoryConfig, keys, load_config
from bot.fixing import Made
from bot.models import COMMAND_TRAILER
from rules import Finding, all_rules
from tests.bot.hostile import HOSTILE, assert_contained
from tests.bot.samples import HEAD, edit, finding, fix, pull_request, steps, unsafe

MAIN = "import time\n\n\nasync def read():\n    time.sleep(1)\n"


def answered(text: str) -> str:
    """The comment that an answer becomes."""
    return replies.write_reply([text], HEAD, "7")


def hostile(bad: list[str], *, mended: bool) -> Finding:
    made = unsafe(replace(fix(edit("main.py", MAIN, "time", "asyncio", 1)), title=bad[0]), bad[1], bad[2])
    return replace(
        finding("main.py", MAIN, "time.sleep(1)", rule="blocking/unheard-of", chain=steps((bad[3], 4, bad[4]))),
        path=bad[5],
        message=bad[6],
        advice=bad[7],
        fix=made if mended else None,
        fingerprint="abcd1234",
    )


BAD = st.lists(HOSTILE, min_size=8, max_size=8)


@given(BAD, st.booleans())
def test_an_explanation_contains_what_it_quotes(bad: list[str], mended: bool) -> None:
    """Names, paths and messages stay where they are put."""
    said = replies.explain_finding(hostile(bad, mended=mended), "abcd", pull_request())
    assert_contained(answered(said), headings=["What changes."])


@given(BAD, st.booleans())
def test_what_was_left_contains_what_it_quotes(bad: list[str], mended: bool) -> None:
    """One point for each finding, whatever its fix says of itself."""
    one = hostile(bad, mended=mended)
    said = replies.write_left(Made({}, (), ((one, one.fix),)), bad[0], {})
    tokens = assert_contained(answered(said))
    assert len([token for token in tokens if token.type == "list_item_open"]) == 1


@given(HOSTILE, HOSTILE)
def test_refusals_contain_what_they_quote(word: str, patch: str) -> None:
    """What people typed, what GitHub said, and a patch of their own code."""
    for said in (replies.write_problem(f"`{word}` is no command."), replies.write_unknown(f"`{word}` names nothing.")):
        assert_contained(answered(said))
    text = re.sub("[\r\x00\ud800]", "", patch)
    said = replies.write_patch(replies.write_refused(word), f"--- a/x\n+{text}\n", fork=True)
    tokens = assert_contained(answered(said))
    assert [token.content for token in tokens if token.type == "fence"] == [f"--- a/x\n+{text}\n"]


@example(glob="", name="|mailto:x`:+1:")
@given(HOSTILE, HOSTILE)
def test_settings_contain_what_they_quote(glob: str, name: str) -> None:
    """The table has a row for each setting, whatever stands in the file, and is about it only."""
    config = RepositoryConfig(
        exclude=(glob,), blocking={name: glob}, origins={"exclude": name}, problems=(f"`{glob}` is wrong.",)
    )
    tokens = assert_contained(answered(replies.write_config(config)))
    rows = len(keys())
    assert len([token for token in tokens if token.type == "tr_open"]) == rows + 1
    assert len([token for token in tokens if token.type == "td_open"]) == rows * 3


@given(BAD)
def test_a_commit_says_what_it_does_and_no_more(bad: list[str]) -> None:
    """It mentions nobody, closes nothing, skips no check, and has our trailers only."""
    one = hostile(bad, mended=True)
    assert one.fix
    made = Made({}, ((one, one.fix),), ())
    said = replies.write_message(made, "7", ["Co-authored-by: ann <4+ann@users.noreply.github.com>"])
    first, *rest = said.rest.split("\n")
    assert first.startswith("- abcd1234 ")
    assert rest == ["", f"{COMMAND_TRAILER}7", "Co-authored-by: ann <4+ann@users.noreply.github.com>"]
    assert not re.search(r"[@#]|://|GH-\d|[\x00-\x1f\x85\u2028]", first)


@pytest.mark.parametrize(
    "path", ["[skip ci].py", "[CI skip]", "x[no ci]y.py", "[skip actions]", "a/[actions skip]/b.py"]
)
def test_a_path_that_would_keep_checks_from_running(path: str) -> None:
    """Whoever names a file so does not decide for who asked for the fix."""
    one = replace(hostile([""] * 8, mended=True), path=path)
    assert one.fix
    said = replies.write_message(Made({}, ((one, one.fix),), ()), "7", []).rest.lower()
    assert not re.search(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]", said)
    assert "[id]" in replies.write_message(Made({}, ((replace(one, path="a/[id].py"), one.fix),), ()), "7", []).rest


def test_every_rule_is_explained() -> None:
    """Why it is there, and how far its fixes can be trusted, in a comment that GitHub takes."""
    for rule in all_rules().values():
        said = answered(replies.explain_rule(rule))
        assert rule.title in said
        assert len(said) < 60_000


def test_settings_as_people_read_them() -> None:
    """Every key, its value in plain words, and where it comes from."""
    text = 'select = ["blocking"]\nfail-on = "error"\nmax-comments = 4\n[blocking]\n"crm.load" = ""\n'
    said = replies.write_config(load_config([Layer(CONFIG_PATH, text)]))
    own = "\\.github/asyncify.toml"
    for row in (
        "| `enabled` | `true` | built-in |",
        f"| `select` | `blocking` | {own} |",
        "| `ignore` | `none` | built-in |",
        f"| `fail-on` | `error` | {own} |",
        f"| `max-comments` | `4 a review, 25 a pull request` | {own} |",
        f"| `blocking` | `crm.load` | {own} |",
    ):
        assert row in said.splitlines()
