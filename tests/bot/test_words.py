"""What the bot says is short, true, and cannot be broken by what it quotes."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot import words
from bot.config import RepositoryConfig
from bot.markers import Marker, read_marker
from bot.models import ChangedFile, CheckRun, History, Plan, PullRequest, Review, Said
from bot.planning import plan
from bot.words import RERUN, write_check_run, write_failed_check_run, write_review
from rules import Analysis, Edit, Finding, Severity, Span, Unreadable, Way
from tests.bot.hostile import HOSTILE, assert_contained
from tests.bot.samples import BLOB, HEAD, changed, edit, finding, fix, pull_request, sources, steps, unsafe

MAIN = """\
import asyncio
import time

@app.get("/")
async def read():
    time.sleep(1)
    return 1
"""
BEFORE = MAIN.replace("    time.sleep(1)\n", "")
AWAIT = fix(edit("main.py", MAIN, "time.sleep", "await asyncio.sleep"), title="Await `asyncio.sleep`")
REVERSE = fix(edit("main.py", MAIN, "async def", "def"), way=Way.REVERSE, title="Make `read` a plain function")


def planned(
    *findings: Finding,
    files: tuple[ChangedFile, ...] = (changed("main.py", BEFORE, MAIN),),
    texts: Mapping[str, bytes] | None = None,
    pull: PullRequest | None = None,
    said: tuple[Said, ...] = (),
    config: RepositoryConfig | None = None,
) -> Plan:
    analysis = Analysis(findings, concerns_fastapi=True)
    texts = sources(main=MAIN) if texts is None else texts
    return plan(analysis, pull or pull_request(), files, texts, History(said), config or RepositoryConfig())


def reviewed(made: Plan) -> Review:
    review = write_review(made, pull_request())
    assert review
    return review


def checked(made: Plan, analysis: Analysis | None = None, pull: PullRequest | None = None) -> CheckRun:
    return write_check_run(made, pull or pull_request(), analysis or Analysis(concerns_fastapi=True))


# --- the review


def test_a_comment_reads_as_a_colleague_would_write() -> None:
    """What blocks, how it is reached, what to do, what changes; the rest is folded."""
    one = finding(
        "main.py",
        MAIN,
        "time.sleep(1)",
        message="`time.sleep(1)` holds up every request of this worker on `GET /`.",
        fingerprint="abcd1234",
        fix=AWAIT,
        alternatives=(REVERSE,),
        chain=steps(("main.py", 5, "read"), ("main.py", 6, "time.sleep")),
        rule="blocking/unheard-of",
    )
    (comment,) = reviewed(planned(one)).comments

    assert (comment.path, comment.line, comment.start) == ("main.py", 6, None)
    assert (
        comment.body
        == f"""\
`time.sleep(1)` holds up every request of this worker on `GET /`.

`read` ([`main.py:5`]({BLOB}/main.py#L5)) → `time.sleep` ([`main.py:6`]({BLOB}/main.py#L6))

```suggestion
    await asyncio.sleep(1)
```

- Await `asyncio.sleep`. While it waits, the event loop serves other requests.

<details>
<summary>Other ways, and why</summary>

- Make `read` a plain function. Other requests on this worker no longer wait for it.

`/asyncify fix abcd --as def` commits this fix.

```diff
--- a/main.py
+++ b/main.py
@@ -2,6 +2,6 @@
 import time
\x20
 @app.get("/")
-async def read():
+def read():
     time.sleep(1)
     return 1
```

Finding `abcd`. Rule `blocking/unheard-of`.

</details>

<!-- asyncify v1 head=c0ffee findings=abcd1234 -->"""
    )


def test_the_review_itself_is_one_sentence() -> None:
    """No greeting, and the check run holds the rest."""
    one = finding("main.py", MAIN, "time.sleep(1)", fix=AWAIT)
    other = finding("main.py", MAIN, "return 1", rule="other/rule")

    assert reviewed(planned(one)).body == (
        "1 comment with a suggestion to commit. The check run `asyncify` lists all findings.\n\n"
        "<!-- asyncify v1 head=c0ffee -->"
    )
    assert reviewed(planned(one, other)).body.startswith("2 comments, 1 with a suggestion to commit. ")
    assert reviewed(planned(other)).body.startswith("1 comment. ")
    far = finding("main.py", MAIN, "return 1", function="f", fix=fix(edit("main.py", MAIN, "return 1", "return 2")))
    assert reviewed(planned(one, far)).body.startswith("2 comments, all with a suggestion to commit. ")


def test_where_more_is_said() -> None:
    """A comment tells how to ask for more, in the pull request itself."""
    (comment,) = reviewed(planned(finding("main.py", MAIN, "time.sleep(1)", fix=AWAIT))).comments

    assert (
        "`time.sleep` stops the event loop, not only this coroutine. `/asyncify explain blocking/sleep` says more."
        in comment.body
    )


def test_there_is_no_review_where_nothing_is_said_inline() -> None:
    """The check run is enough."""
    assert write_review(planned(), pull_request()) is None
    assert write_review(planned(finding("other.py", MAIN, "time.sleep(1)")), pull_request()) is None


def test_a_comment_on_several_lines_has_a_start() -> None:
    """GitHub wants the first line left out where it is the last one."""
    both = fix(edit("main.py", MAIN, "async def", "def"), edit("main.py", MAIN, "time.sleep", "wait"))
    (comment,) = reviewed(planned(finding("main.py", MAIN, "time.sleep(1)", fix=both))).comments

    assert (comment.start, comment.line) == (5, 6)


def test_a_file_comment_says_where_the_finding_stands() -> None:
    """GitHub shows it above the file."""
    one = finding("main.py", MAIN, "time.sleep(1)")
    review = reviewed(planned(one, files=(ChangedFile("main.py", "modified"),)))

    assert review.comments == ()
    (comment,) = review.file_comments
    assert comment.path == "main.py"
    assert f"Found at [`main.py:6`]({BLOB}/main.py#L6)." in comment.body
    assert read_marker(comment.body) == Marker((one.fingerprint,), HEAD)


def test_at_most_three_points_are_seen_at_once() -> None:
    """The rest of the notes is folded, none is lost."""
    noted = unsafe(replace(AWAIT, requires=("anyio>=4",)), "One differs.", "Two differs.", "Three differs.")
    (comment,) = reviewed(planned(finding("main.py", MAIN, "time.sleep(1)", fix=noted))).comments
    seen, folded = comment.body.split("<details>")

    assert re.findall("^- (.*)$", seen, re.MULTILINE)[1:] == [
        "It needs `anyio>=4` among the project's requirements.",
        "Check before committing: One differs.",
    ]
    assert re.findall("^- (.*)$", folded, re.MULTILINE) == ["Two differs.", "Three differs."]


def test_other_findings_of_the_comment_are_named() -> None:
    """By place in the same function, by their own words otherwise."""
    text = MAIN.replace("    time.sleep(1)\n", "    time.sleep(1)\n    time.sleep(2)\n    time.sleep(3)\n")
    plain = fix(edit("main.py", text, "async def", "def"), way=Way.REVERSE)
    found = [
        finding("main.py", text, "time.sleep(1)", fix=plain),
        finding("main.py", text, "time.sleep(2)", fix=plain),
        finding("main.py", text, "time.sleep(3)", fix=plain, rule="blocking/http", message="`x` waits."),
    ]
    (comment,) = reviewed(planned(*found, files=(changed("main.py", BEFORE, text),), texts=sources(main=text))).comments

    assert f"The same in this function: [`main.py:7`]({BLOB}/main.py#L7)." in comment.body
    assert f"Also [`main.py:8`]({BLOB}/main.py#L8): `x` waits." in comment.body
    assert read_marker(comment.body) == Marker(tuple(one.fingerprint for one in found), HEAD)


def test_advice_is_given_where_there_is_no_fix() -> None:
    """In full, and not folded."""
    one = finding("main.py", MAIN, "time.sleep(1)", advice="Do `this`.\n\nOr that.")
    (comment,) = reviewed(planned(one)).comments

    assert "\n\nDo `this`.\n\nOr that.\n\n<details>" in comment.body


def test_why_there_is_no_suggestion_is_said_with_the_diff() -> None:
    """Somebody will ask."""
    two = fix(edit("main.py", MAIN, "time.sleep", "await asyncio.sleep"), Edit("other.py", Span(1, 1, 1, 2), "y"))
    texts = {**sources(main=MAIN), "other.py": b"x\n"}
    (comment,) = reviewed(
        planned(finding("main.py", MAIN, "time.sleep(1)", fingerprint="abcd1234", fix=two), texts=texts)
    ).comments

    assert "<summary>The fix as a diff, and why</summary>" in comment.body
    assert "`/asyncify fix abcd` commits this fix. It is no suggestion because it changes 2 files." in comment.body
    assert "--- a/other.py\n+++ b/other.py\n@@ -1,1 +1,1 @@\n-x\n+y\n" in comment.body


def test_a_long_chain_is_cut_in_the_middle() -> None:
    """Both ends are what matters."""
    chain = steps(*(("main.py", 5, f"f{number}") for number in range(30)))
    (comment,) = reviewed(planned(finding("main.py", MAIN, "time.sleep(1)", chain=chain))).comments
    line = comment.body.split("\n\n")[1]

    assert re.findall(r"`(f\d+)`|(…)", line) == [
        *((f"f{number}", "") for number in range(4)),
        ("", "…"),
        *((f"f{number}", "") for number in range(26, 30)),
    ]


def test_a_body_fits_github() -> None:
    """What is folded goes first; marker and suggestion stay."""
    huge = "".join(f"# {'x' * 2000}\n" for _ in range(40))
    text = MAIN + huge
    rewrite = fix(edit("main.py", text, huge, huge.replace("x", "y")), way=Way.CONVERT)
    one = finding(
        "main.py",
        text,
        "time.sleep(1)",
        message="é" * 5_000,
        advice="|" * 90_000,
        fix=AWAIT,
        alternatives=(rewrite, rewrite),
    )
    (comment,) = reviewed(planned(one, files=(changed("main.py", BEFORE, text),), texts=sources(main=text))).comments

    assert len(comment.body) <= 60_000
    assert "```suggestion\n    await asyncio.sleep(1)\n```" in comment.body
    assert "Not all of it fits here.\n\n" in comment.body
    assert read_marker(comment.body) == Marker((one.fingerprint,), HEAD)


# --- the check run


MEANWHILE = "`return 1` blocks the event loop: while it waits, this worker serves no other request."


def test_the_check_run_lists_every_finding_with_its_place() -> None:
    """Wherever it was said. What follows for the worker is not said in each row."""
    found = [
        finding("main.py", MAIN, "time.sleep(1)", fingerprint="aaaa0000", fix=AWAIT),
        finding("other.py", MAIN, "time.sleep(1)", fingerprint="bbbb0000", message="`a|b` and a|b."),
        finding("main.py", MAIN, "return 1", fingerprint="cccc0000", rule="blocking/old", message=MEANWHILE),
        finding("main.py", MAIN, "asyncio", fingerprint="dddd0000", introduced=False),
    ]
    run = checked(planned(*found, said=(Said("cccc0000", "0ld"),)))

    assert (run.conclusion, run.title, run.text) == ("neutral", "3 findings, 1 suggestion to commit", "")
    assert (
        run.summary
        == f"""\
3 findings on `c0ffee`.

Not listed: 1 finding outside the scope.

| id | where | what | rule | said as |
| --- | --- | --- | --- | --- |
| `aaaa` | [`main.py:6`]({BLOB}/main.py#L6) | `time.sleep(1)` blocks the event loop. | `blocking/sleep` | suggestion |
| `bbbb` | [`other.py:6`]({BLOB}/other.py#L6) | a&#124;b and a&#124;b. | `blocking/sleep` | annotation (not in the diff) |
| `cccc` | [`main.py:7`]({BLOB}/main.py#L7) | `return 1` blocks the event loop. | `blocking/old` | earlier comment |

<!-- asyncify v1 head=c0ffee -->"""
    )


def test_an_annotation_is_plain_text_with_the_fix_as_a_diff() -> None:
    """GitHub shows it at the line, also outside the diff."""
    far = fix(edit("other.py", MAIN, "time.sleep", "await asyncio.sleep"), title="Await `asyncio.sleep`")
    found = finding("other.py", MAIN, "time.sleep(1)", fingerprint="abcd1234", fix=far)
    run = checked(planned(found, texts={"other.py": MAIN.encode()}))

    (annotation,) = run.annotations
    assert "-    time.sleep(1)\n+    await asyncio.sleep(1)\n" in str(annotation["raw_details"])
    assert {key: value for key, value in annotation.items() if key != "raw_details"} == {
        "path": "other.py",
        "start_line": 6,
        "end_line": 6,
        "annotation_level": "failure",
        "title": "blocking/sleep (abcd)",
        "message": "`time.sleep(1)` blocks the event loop.\n\nAwait `asyncio.sleep`.",
    }


@pytest.mark.parametrize("severity", list(Severity))
def test_an_annotation_is_as_grave_as_its_finding(severity: Severity) -> None:
    """GitHub has three levels as well."""
    (annotation,) = checked(planned(finding("other.py", MAIN, "time.sleep(1)", severity=severity))).annotations

    assert annotation["annotation_level"] == {"info": "notice", "warning": "warning", "error": "failure"}[str(severity)]


def test_what_could_not_be_read_or_used_is_named() -> None:
    """A file that does not parse, a mistake in the configuration."""
    unreadable = tuple(Unreadable(f"f{number}.py", "line 1: invalid syntax") for number in range(40))
    run = checked(planned(config=RepositoryConfig(problems=("`x` is wrong.",))), Analysis(unreadable=unreadable))

    assert run.conclusion == "neutral"
    assert run.title == "No findings, but the configuration has a mistake"
    assert "In the configuration:\n\n- `x` is wrong.\n" in run.summary
    assert "Not analysed:\n\n- `f0.py`: line 1: invalid syntax\n" in run.summary
    assert "\n- and 10 more\n" in run.summary
    assert checked(planned(), Analysis(unreadable=unreadable[:1])).title == "No findings, but 1 file could not be read"


def test_a_clean_pull_request_is_told_in_one_sentence() -> None:
    """And one that has nothing to do with FastAPI in another."""
    assert checked(planned()) == CheckRun(
        "success", "No findings", "Nothing to say about `c0ffee`.\n\n<!-- asyncify v1 head=c0ffee -->", buttons=(RERUN,)
    )
    assert checked(planned(), Analysis()).title == "No FastAPI application found"


def test_a_draft_and_a_bot_are_told_why_nothing_is_commented() -> None:
    """The table is there all the same."""
    one = finding("main.py", MAIN, "time.sleep(1)", fix=AWAIT)
    draft, by_bot = pull_request(draft=True), pull_request(by_bot=True)

    run = checked(planned(one, pull=draft), pull=draft)
    assert (run.conclusion, run.title) == ("skipped", "Draft: 1 finding, nothing commented")
    assert "This pull request is a draft: nothing is commented until it is ready for review." in run.summary
    assert "| here (draft) |" in run.summary
    run = checked(planned(one, pull=by_bot), pull=by_bot)
    assert run.conclusion == "neutral"
    assert "This pull request was opened by a bot" in run.summary
    assert len(run.annotations) == 1


@pytest.mark.parametrize("length", range(380, 400, 3))
def test_a_check_run_that_is_too_long_says_so(length: int) -> None:
    """The summary goes on in the text, and what does not fit there is counted."""
    found = [
        finding("main.py", MAIN, "time.sleep(1)", rule=f"r/{number}", fingerprint=f"{number:08x}", message="é" * length)
        for number in range(300)
    ]
    run = checked(planned(*found))
    rows = (run.summary + run.text).count("](https://")
    left = re.search(r"This is as much as a check run can hold: (\d+) more findings not listed\.$", run.text)

    assert len(run.summary.encode()) <= 65_535
    assert 64_000 < len(run.text.encode()) <= 65_535
    assert left
    assert rows + int(left[1]) == 300
    assert read_marker(run.summary) == Marker((), HEAD)


def test_a_failed_analysis_says_nothing_about_the_code() -> None:
    """It is neutral, and tells what to do."""
    run = write_failed_check_run(HEAD, "It took longer than 60 s.")

    assert (run.conclusion, run.title) == ("neutral", "Not analysed")
    assert run.summary.startswith("It took longer than 60 s.\n\nThis says nothing about the code.")


# --- hostile text


def hostile_finding(text: str, bad: list[str]) -> Finding:
    first = fix(
        edit("main.py", text, "time.sleep", "await asyncio.sleep"), title=bad[0], requires=(bad[1],), notes=(bad[2],)
    )
    second = fix(edit("main.py", text, "async def", f"def # {bad[3]}\n"), way=Way.REVERSE, title=bad[4])
    return finding(
        "main.py",
        text,
        "time.sleep(1)",
        message=bad[5],
        advice=bad[6],
        function=bad[7],
        route=bad[8],
        chain=steps((bad[9], 5, bad[10]), ("main.py", 6, bad[11])),
        fix=first,
        alternatives=(second,),
        fingerprint="abcd1234",
    )


@given(st.lists(HOSTILE, min_size=12, max_size=12), HOSTILE)
def test_a_comment_contains_what_it_quotes(bad: list[str], line: str) -> None:
    """Names, messages and code of a hostile pull request stay where they are put."""
    remark = re.sub("[\n\ud800]", "", line)
    text = MAIN.replace("sleep(1)", f"sleep(1)  # {remark}")
    one = hostile_finding(
        text, [part.replace("\ud800", "") if number == 3 else part for number, part in enumerate(bad)]
    )
    made = planned(one, files=(changed("main.py", BEFORE, text),), texts=sources(main=text))
    (comment,) = reviewed(made).comments

    tokens = assert_contained(comment.body)

    suggestions = [token.content for token in tokens if token.type == "fence" and token.info == "suggestion"]
    wanted = made.comments[0].suggestion
    assert suggestions == ([wanted.replacement] if wanted else [])
    assert read_marker(comment.body) == Marker(("abcd1234",), HEAD)
    assert len([token for token in tokens if token.type == "html_block"]) == 3


@given(st.lists(HOSTILE, min_size=15, max_size=15))
def test_a_check_run_contains_what_it_quotes(bad: list[str]) -> None:
    """Each finding is one row of five cells, whatever its words are."""
    one = replace(hostile_finding(MAIN, bad), path=bad[12])
    made = planned(one, config=RepositoryConfig(problems=(bad[13],)))
    run = checked(made, Analysis(unreadable=(Unreadable(bad[14], bad[0]),)))

    tokens = assert_contained(run.summary)

    assert len([token for token in tokens if token.type == "tr_open"]) == 2
    assert len([token for token in tokens if token.type == "td_open"]) == 5
    assert_contained(write_failed_check_run(HEAD, bad[0]).summary)


def test_only_allowed_claims_are_made() -> None:
    """What was not measured is not said."""
    tree = ast.parse(Path(words.__file__).read_text(encoding="utf-8"))
    docstrings = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.Module))
    }
    said = " ".join(
        node.value.lower()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docstrings
    )

    for claim in ("faster", "non-blocking", "nonblocking", "scale", "performance", "quick", "speed", "improve", "%"):
        assert claim not in said
    for greeting in ("hello", "hi!", "thanks", "thank you", "great", "please"):
        assert greeting not in said
