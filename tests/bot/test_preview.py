"""A review in the terminal shows what GitHub would show, and nothing in it can harm the terminal."""

import io

import pytest
from rich.console import Console

from bot.models import ChangedFile, CheckRun, PostedComment, PostedFileComment, Review
from bot.preview import Block, Row, print_markdown, print_preview, read_body, read_rows

PATCH = "@@ -1,4 +1,5 @@\n import time\n \n-def old():\n+async def items():\n+    time.sleep(1)\n     return []"
CHECK_RUN = CheckRun("neutral", "1 finding", "Said inline.", "", ({"path": "b.py", "start_line": 3, "message": "m"},))


def shown(review: Review | None, *, patch: str | None = PATCH) -> str:
    """What is printed to a terminal without colours."""
    console = Console(file=io.StringIO(), width=80, soft_wrap=True)
    print_preview(review, CHECK_RUN, [ChangedFile("app/main.py", "modified", patch=patch)], console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().split("\n"))


def test_a_comment_hangs_on_its_lines() -> None:
    """The commented lines are marked, and the suggestion is shown as what it would change."""
    body = "`time.sleep` stops the loop.\n\n```suggestion\n    await anyio.sleep(1)\n```\n"
    text = shown(Review("c0ffee", "One finding.", (PostedComment("app/main.py", 4, body),)))

    assert "app/main.py, line 4\n" in text
    assert (
        "    1    import time\n    2\n        -def old():\n    3   +async def items():\n    4 > +    time.sleep(1)\n"
        in text
    )
    assert "│ Suggested change" in text
    assert "│   -     time.sleep(1)" in text
    assert "│   +     await anyio.sleep(1)" in text
    assert "    5" not in text


def test_a_comment_on_several_lines() -> None:
    """All of the lines that the suggestion replaces are shown as removed."""
    body = "```suggestion\nx\n```"
    text = shown(Review("c0ffee", "", (PostedComment("app/main.py", 4, body, start=3),)))

    assert "app/main.py, lines 3 to 4\n" in text
    assert "│   - async def items():" in text
    assert "│   -     time.sleep(1)" in text
    assert "│   + x" in text


def test_a_suggestion_that_deletes() -> None:
    """Nothing is shown as added."""
    text = shown(Review("c0ffee", "", (PostedComment("app/main.py", 4, "```suggestion\n```"),)))

    assert "│   -     time.sleep(1)" in text
    assert "│   +" not in text


def test_a_comment_on_a_whole_file() -> None:
    """It stands alone: GitHub has no review around it."""
    text = shown(Review("c0ffee", "never shown", file_comments=(PostedFileComment("big.py", "Too large."),)))

    assert "big.py, the whole file\n" in text
    assert "│ Too large." in text
    assert "never shown" not in text


def test_without_a_review_the_check_run_still_stands() -> None:
    """A pull request with nothing to say inline has its check run, annotations included."""
    text = shown(None, patch=None)

    assert "No review: there is nothing to say inline." in text
    assert "neutral: 1 finding" in text
    assert "b.py:3  m" in text


def test_no_body_acts_on_the_terminal() -> None:
    """Escape sequences and bidirectional overrides of a pull request are printed as question marks."""
    body = "\x1b[2J\u202etext\n\n```suggestion\n\x1b]0;title\x07\n```"
    text = shown(Review("c0ffee", body, (PostedComment("a\x1b[31m.py", 1, body),)))

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "\N{REPLACEMENT CHARACTER}[2J" in text


@pytest.mark.parametrize(
    ("body", "blocks"),
    [
        ("a\n\n<!-- asyncify v1\nx -->\nb", [Block("markdown", "a\n\n\nb")]),
        ("<details><summary>More <b>here</b></summary>\n\nhidden\n</details>\n", [Block("details", "More here")]),
        (
            "<details>\n<summary>A</summary>\n<details></details>\nx\n</details>\ny",
            [
                Block("details", "A"),
                Block("markdown", "y"),
            ],
        ),
        (
            "<details>\n<summary>A</summary>\n\n```python\n</details>\n```\n</details>\nb",
            [
                Block("details", "A"),
                Block("markdown", "b"),
            ],
        ),
        ("<details>\n<summary>never closed</summary>\nx", [Block("details", "never closed")]),
        ("````suggestion\n```\n````\nafter", [Block("suggestion", "```\n"), Block("markdown", "after")]),
        ("```suggestion\nnever closed", [Block("suggestion", "never closed\n")]),
        ("```\n<details>\n```\nx", [Block("markdown", "```\n<details>\n```\nx")]),
    ],
    ids=[
        "hidden comment",
        "details on one line",
        "nested details",
        "details end in a fence",
        "details left open",
        "longer fence",
        "fence left open",
        "tag in a fence",
    ],
)
def test_the_parts_of_a_body(body: str, blocks: list[Block]) -> None:
    """Fences and folds end where GitHub ends them."""
    assert list(read_body(body)) == blocks


def test_the_lines_of_a_patch() -> None:
    """Lines count in the new file; what was removed stands before the line that follows it."""
    assert read_rows("@@ -3,2 +5,2 @@ def f():\n a\n-b\n+c\r\n\\ No newline at end of file") == [
        Row(5, " ", "a"),
        Row(6, "-", "b"),
        Row(6, "+", "c"),
    ]


def test_the_markdown_as_it_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    """The hidden marker is part of it."""
    body = "text <!-- asyncify v1 -->"
    print_markdown(Review("c0ffee", body, (PostedComment("a.py", 2, body, start=1),)), CHECK_RUN)

    assert capsys.readouterr().out == (
        f"# Review\n\n{body}\n\n# a.py, lines 1 to 2\n\n{body}\n\n# Check run (neutral): 1 finding\n\nSaid inline.\n\n"
    )
