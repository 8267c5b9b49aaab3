"""What a comment asks for: the grammar of slash commands."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import MAX_COMMANDS, VERBS, Command, read_commands


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("/asyncify", Command("review")),
        ("/asyncify   \t", Command("review")),
        ("/asyncify review", Command("review")),
        ("/ASYNCIFY Fix", Command("fix")),
        ("   /asyncify help", Command("help")),
        ("/asyncify fix all", Command("fix", ("all",))),
        ("/asyncify fix a1b2 c3d4, app/main.py", Command("fix", ("a1b2", "c3d4", "app/main.py"))),
        ("/asyncify fix `a1b2` --unsafe", Command("fix", ("a1b2",), unsafe=True)),
        ("/asyncify fix --UNSAFE a1b2", Command("fix", ("a1b2",), unsafe=True)),
        ("/asyncify fix a1b2 \u2014unsafe", Command("fix", ("a1b2",), unsafe=True)),
        ("/asyncify fix a1b2 --as twin", Command("fix", ("a1b2",), way="twin")),
        ("/asyncify fix --as=OFFLOAD a1b2", Command("fix", ("a1b2",), way="offload")),
        ("/asyncify fix --as def", Command("fix", way="def")),
        ("/asyncify explain blocking/sleep", Command("explain", ("blocking/sleep",))),
        ("/asyncify ignore a1b2", Command("ignore", ("a1b2",))),
        ("/asyncify pause", Command("pause")),
        ("/asyncify resume", Command("resume")),
        ("/asyncify config", Command("config")),
        ("Thanks!\n\n/asyncify fix\n\nSee you", Command("fix")),
        ("Thanks!\r\n/asyncify fix\r\nSee you", Command("fix")),
        ("> what you said\n\n/asyncify fix", Command("fix")),
        ("```\ncode\n```\n/asyncify fix", Command("fix")),
        ("~~~ py\n```\n~~~\n/asyncify fix", Command("fix")),
        ("<!-- note -->\n/asyncify fix", Command("fix")),
        ("a `span`\n/asyncify fix", Command("fix")),
        ("an open ` tick\n/asyncify fix", Command("fix")),
        ("text\n    /asyncify pause\n/asyncify fix", Command("fix")),
        ("# Title\n/asyncify fix", Command("fix")),
        ("> # a title in a quote\n/asyncify fix", Command("fix")),
        ("<pre>code</pre>\n/asyncify fix", Command("fix")),
    ],
)
def test_a_command_at_the_start_of_a_line(body: str, wanted: Command) -> None:
    """It is understood, whatever stands around it and however it is spelled."""
    assert read_commands(body) == (wanted,)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Please /asyncify fix",
        "/asyncifyfix",
        "/asyncify-fix",
        "asyncify fix",
        "//asyncify fix",
        "- /asyncify fix",
        "[/asyncify fix](https://example.org)",
        "```\n/asyncify fix\n```",
        "```\n/asyncify fix",
        "````\n```\n/asyncify fix\n````",
        "~~~\n/asyncify fix\n```\n~~~",
        "  ```suggestion\n/asyncify fix\n  ```",
        "    /asyncify fix",
        "\t/asyncify fix",
        "  \t/asyncify fix",
        "`/asyncify fix`",
        "`a\n/asyncify fix\nb`",
        "``a ` b\n/asyncify fix\nb``",
        "> /asyncify fix",
        ">/asyncify fix",
        " > > /asyncify fix",
        "> quoted\n/asyncify fix",
        "> ```\n> /asyncify fix\n> ```",
        "<!-- /asyncify fix -->",
        "<!--\n/asyncify fix\n-->",
        "<!--\n\n/asyncify fix\n\n-->",
        "text <!-- a\n/asyncify fix\n--> b",
        "<!-- never closed\n/asyncify fix",
        "<!-- a\n--> /asyncify fix",
        "<pre>\n/asyncify fix\n</pre>",
        "<pre>\n\n/asyncify fix",
        "a `code\nspan` /asyncify fix",
    ],
)
def test_what_is_no_command(body: str) -> None:
    """In the middle of a line, in code, in a quote or in an HTML comment nothing is asked for."""
    assert read_commands(body) == ()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("/asyncify fxi", "`fxi` is no command. Did you mean `/asyncify fix`?"),
        ("/asyncify resum all", "`resum` is no command. Did you mean `/asyncify resume`?"),
        ("/asyncify migrate", "`migrate` is no command."),
        ("/asyncify is great!", "`is` is no command."),
        ("/asyncify fix --unsaef", "`/asyncify fix` has no option `--unsaef`. Did you mean `--unsafe`?"),
        ("/asyncify ignore --unsafe", "`/asyncify ignore` has no option `--unsafe`."),
        ("/asyncify fix --as thread", "`--as` takes `twin`, `def` or `offload`."),
        ("/asyncify fix --as", "`--as` takes `twin`, `def` or `offload`."),
        ("/asyncify ignore a1b2 c3d4", "`/asyncify ignore` takes 1 id or rule, not `a1b2 c3d4`."),
        ("/asyncify pause now", "`/asyncify pause` takes nothing more, not `now`."),
        ("/asyncify review app.py", "`/asyncify` takes nothing more, not `app.py`."),
    ],
)
def test_what_is_not_understood(body: str, problem: str) -> None:
    """One sentence says why, and names what was probably meant."""
    (command,) = read_commands(body)
    assert command.problem == problem


def test_several_in_one_comment() -> None:
    """They are read in order, each once, and not more than a few."""
    assert read_commands("/asyncify pause\ntext\n/asyncify help\n/asyncify PAUSE") == (
        Command("pause"),
        Command("help"),
    )
    assert len(read_commands("\n".join(f"/asyncify {verb}" for verb in VERBS))) == MAX_COMMANDS


def test_never_too_much() -> None:
    """A comment that is made to be slow is read at once: whoever sends a delivery waits for it. GitHub takes 65,536 characters."""
    units = ("`", "<!--", "> ", "```\n", "/asyncify fix x ", "<pre>\n", "` `` ", "`a\n", "`<!--")
    for body in (*(unit * (65_536 // len(unit)) for unit in units), " ".join("`" * length for length in range(1, 720))):
        started = time.process_time()
        read_commands(body)
        assert time.process_time() - started < 1, body[:20]


@given(st.text(alphabet="/asyncify fx`~<>!-\n\t pre#*1.", max_size=200))
def test_any_text(body: str) -> None:
    """Whatever people write, it is read; what is quoted as a whole asks for nothing."""
    read_commands(body)
    assert read_commands("\n".join(f"> {line}" for line in body.split("\n"))) == ()
    assert read_commands(f"<!--\n{body.replace('-', '')}\n-->") == ()
