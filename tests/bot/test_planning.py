"""What is said, where, and why not elsewhere."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Limits, RepositoryConfig, Scope
from bot.models import ChangedFile, Comment, History, Place, Plan, PullRequest, Said
from bot.planning import plan
from rules import Analysis, Edit, Finding, Severity, Unreadable, Way
from tests.bot.samples import (
    HEAD,
    changed,
    commit,
    edit,
    finding,
    fix,
    pull_request,
    sources,
    span_of,
    steps,
    unsafe,
)

MAIN = """\
import asyncio
import time

app = FastAPI()


@app.get("/")
async def read():
    time.sleep(1)
    return 1
"""
BEFORE = MAIN.replace("    time.sleep(1)\n", "")
FAR = MAIN.replace("app = FastAPI()\n", "app = FastAPI()\n" + "x = 1\n" * 20)
FAR_BEFORE = FAR.replace("    time.sleep(1)\n", "")
AWAIT = fix(edit("main.py", MAIN, "time.sleep", "await asyncio.sleep"), title="Await `asyncio.sleep`")
REVERSE = fix(edit("main.py", MAIN, "async def", "def"), way=Way.REVERSE, title="Make `read` a plain function")


def planned(
    *findings: Finding,
    files: Sequence[ChangedFile] = (changed("main.py", BEFORE, MAIN),),
    texts: Mapping[str, bytes] | None = None,
    said: Sequence[Said] = (),
    pull: PullRequest | None = None,
    config: RepositoryConfig | None = None,
) -> Plan:
    return plan(
        Analysis(findings, concerns_fastapi=True),
        pull or pull_request(),
        files,
        texts or sources(main=MAIN),
        History(tuple(said)),
        config or RepositoryConfig(),
    )


def places(made: Plan) -> list[Place]:
    return [one.place for one in made.placements]


def committed(text: str, comment: Comment) -> str:
    assert comment.suggestion
    return commit(text, comment.suggestion)


# --- suggestions


def test_a_fix_that_a_hunk_shows_is_a_suggestion() -> None:
    """Committing it does what the fix does."""
    made = planned(finding("main.py", MAIN, "time.sleep(1)", fix=AWAIT))

    assert places(made) == [Place.SUGGESTION]
    assert made.head == HEAD
    (comment,) = made.comments
    assert (comment.path, comment.lines, comment.fix) == ("main.py", range(9, 10), AWAIT)
    assert committed(MAIN, comment) == MAIN.replace("time.sleep", "await asyncio.sleep")
    assert made.conclusion == "neutral"


def test_a_fix_whose_import_is_far_away_is_shown_as_a_diff() -> None:
    """Half of it would not work, so it is not posted."""
    far = fix(
        edit("main.py", FAR, "import asyncio", "import anyio"), edit("main.py", FAR, "time.sleep", "await anyio.sleep")
    )
    one = finding("main.py", FAR, "time.sleep(1)", fix=far)
    made = planned(one, files=[changed("main.py", FAR_BEFORE, FAR)], texts=sources(main=FAR))

    assert places(made) == [Place.COMMENT]
    assert made.comments[0].suggestion is None
    (offer,) = made.offers[one.fingerprint]
    assert offer.obstacle == "it also changes lines that the diff does not show together"
    assert "+import anyio\n" in offer.diff
    assert "+    await anyio.sleep(1)\n" in offer.diff


def test_a_safe_alternative_is_suggested_where_the_best_fix_cannot_be() -> None:
    """The best one stands below it as a diff."""
    far = fix(
        edit("main.py", FAR, "import asyncio", "import anyio"), edit("main.py", FAR, "time.sleep", "await anyio.sleep")
    )
    reverse = fix(edit("main.py", FAR, "async def", "def"), way=Way.REVERSE)
    one = finding("main.py", FAR, "time.sleep(1)", fix=far, alternatives=(reverse,))
    made = planned(one, files=[changed("main.py", FAR_BEFORE, FAR)], texts=sources(main=FAR))

    assert made.comments[0].fix == reverse
    assert committed(FAR, made.comments[0]) == FAR.replace("async def", "def")
    assert [offer.fix for offer in made.offers[one.fingerprint]] == [far, reverse]


def test_an_unsafe_alternative_is_never_suggested_instead() -> None:
    """What differs is offered only where it is the best that there is."""
    far = fix(
        edit("main.py", FAR, "import asyncio", "import anyio"), edit("main.py", FAR, "time.sleep", "await anyio.sleep")
    )
    reverse = unsafe(fix(edit("main.py", FAR, "async def", "def"), way=Way.REVERSE), "It differs.")
    one = finding("main.py", FAR, "time.sleep(1)", fix=far, alternatives=(reverse,))

    made = planned(one, files=[changed("main.py", FAR_BEFORE, FAR)], texts=sources(main=FAR))

    assert places(made) == [Place.COMMENT]


def test_unsafe_fixes_can_be_switched_off() -> None:
    """Then the finding is told without them."""
    one = finding("main.py", MAIN, "time.sleep(1)", fix=unsafe(AWAIT, "It differs."), alternatives=(REVERSE,))

    offered = planned(one)
    withheld = planned(one, config=RepositoryConfig(unsafe_suggestions=False))

    assert offered.comments[0].fix == one.fix
    assert withheld.comments[0].fix == REVERSE
    assert [offer.fix for offer in withheld.offers[one.fingerprint]] == [REVERSE]


# --- several findings


TWICE = MAIN.replace("    time.sleep(1)\n", "    time.sleep(1)\n    time.sleep(2)\n")


def test_findings_of_one_rule_and_function_share_a_comment_and_a_suggestion() -> None:
    """One click mends both."""
    found = [
        finding(
            "main.py",
            TWICE,
            f"time.sleep({number})",
            fix=fix(edit("main.py", TWICE, "time.sleep", "await asyncio.sleep", nth)),
        )
        for nth, number in enumerate((1, 2))
    ]
    made = planned(*found, files=[changed("main.py", BEFORE, TWICE)], texts=sources(main=TWICE))

    assert places(made) == [Place.SUGGESTION, Place.SUGGESTION]
    (comment,) = made.comments
    assert comment.findings == tuple(found)
    assert committed(TWICE, comment) == TWICE.replace("time.sleep", "await asyncio.sleep")


def test_the_same_suggestion_for_two_rules_is_made_once() -> None:
    """Overlapping suggestions could not be committed together."""
    found = [
        finding(
            "main.py", TWICE, "time.sleep(1)", fix=fix(edit("main.py", TWICE, "async def", "def"), way=Way.REVERSE)
        ),
        finding(
            "main.py",
            TWICE,
            "time.sleep(2)",
            rule="blocking/http",
            fix=fix(edit("main.py", TWICE, "async def", "def"), way=Way.REVERSE, title="Make it plain"),
        ),
    ]
    made = planned(*found, files=[changed("main.py", BEFORE, TWICE)], texts=sources(main=TWICE))

    (comment,) = made.comments
    assert comment.findings == tuple(found)
    assert committed(TWICE, comment) == TWICE.replace("async def", "def")


def test_suggestions_that_contradict_each_other_are_not_both_made() -> None:
    """`await` may not stand in what another suggestion makes a plain function."""
    found = [
        finding(
            "main.py", TWICE, "time.sleep(1)", fix=fix(edit("main.py", TWICE, "time.sleep", "await asyncio.sleep"))
        ),
        finding(
            "main.py",
            TWICE,
            "time.sleep(2)",
            rule="blocking/http",
            fix=fix(edit("main.py", TWICE, "async def", "def"), way=Way.REVERSE),
        ),
    ]
    made = planned(*found, files=[changed("main.py", BEFORE, TWICE)], texts=sources(main=TWICE))

    assert places(made) == [Place.SUGGESTION, Place.COMMENT]
    assert [comment.suggestion is None for comment in made.comments] == [True, False]
    reasons = [offer.obstacle for finding in found for offer in made.offers[finding.fingerprint]]
    assert reasons == ["", "it cannot be committed together with another one"]


def test_overlapping_suggestions_become_one() -> None:
    """Two functions of a new file that need the same import are mended together."""
    text = "import time\n\nasync def a():\n    time.sleep(1)\n\nasync def b():\n    time.sleep(2)\n"
    need = edit("main.py", text, "import time\n", "import anyio\nimport time\n")
    found = [
        finding(
            "main.py",
            text,
            f"time.sleep({number})",
            function=name,
            fix=fix(need, edit("main.py", text, "time.sleep", "await anyio.sleep", number - 1)),
        )
        for name, number in (("a", 1), ("b", 2))
    ]
    made = planned(*found, files=[changed("main.py", "", text)], texts=sources(main=text))

    (comment,) = made.comments
    assert comment.findings == tuple(found)
    assert committed(text, comment) == "import anyio\n" + text.replace("time.sleep", "await anyio.sleep")


def test_comments_of_a_file_come_bottom_up() -> None:
    """Suggestions that are committed one by one, in this order, never shift each other."""
    text = "".join(f"async def f{number}():\n    time.sleep(1)\n\n\n" for number in range(3))
    found = [
        finding(
            "main.py",
            text,
            "time.sleep(1)",
            number,
            function=f"f{number}",
            fix=fix(edit("main.py", text, "time", "await anyio", number)),
        )
        for number in range(3)
    ]
    made = planned(*found, files=[changed("main.py", "", text)], texts=sources(main=text))

    assert [comment.lines for comment in made.comments] == [range(10, 11), range(6, 7), range(2, 3)]


# --- places


def test_a_finding_outside_the_diff_is_said_at_the_changed_helper() -> None:
    """The route is old, the helper that blocks is new: the comment stands at the helper."""
    helper, before = "import time\n\ndef load():\n    time.sleep(1)\n", "import time\n\ndef load():\n    pass\n"
    one = finding(
        "main.py",
        MAIN,
        "return 1",
        chain=steps(("main.py", 8, "read"), ("helper.py", 3, "load"), ("helper.py", 4, "time.sleep")),
    )
    made = planned(one, files=[changed("helper.py", before, helper)])

    assert places(made) == [Place.COMMENT]
    assert (made.comments[0].path, made.comments[0].lines) == ("helper.py", range(4, 5))


def test_the_nearest_shown_step_is_taken_where_none_is_added() -> None:
    """The step next to the finding explains most."""
    one = finding(
        "other.py",
        MAIN,
        "return 1",
        chain=steps(("main.py", 6, "first"), ("other.py", 3, "a"), ("other.py", 8, "read"), ("main.py", 10, "last")),
    )
    made = planned(one)

    assert made.comments[0].lines == range(10, 11)


def test_a_file_without_a_shown_line_gets_three_comments_at_most() -> None:
    """Then come annotations; earlier reviews of the pull request count."""
    found = [finding(f"f{number}.py", MAIN, "time.sleep(1)") for number in range(5)]
    files = [ChangedFile(f"f{number}.py", "modified") for number in range(5)]
    made = planned(*found, files=files)
    later = planned(
        *found, files=files, said=[Said("dead", "0ld", whole_file=True), Said("beef", "0ld", whole_file=True)]
    )

    assert places(made) == [Place.FILE] * 3 + [Place.ANNOTATION] * 2
    assert [comment.path for comment in made.file_comments] == ["f0.py", "f1.py", "f2.py"]
    assert made.annotations == tuple(found[3:])
    assert places(later) == [Place.FILE] + [Place.ANNOTATION] * 4


def test_a_finding_in_a_file_that_was_not_changed_is_an_annotation() -> None:
    """GitHub takes comments only in the diff, annotations everywhere."""
    made = planned(finding("other.py", MAIN, "time.sleep(1)"))

    assert places(made) == [Place.ANNOTATION]


def test_a_removed_file_and_a_broken_patch_show_no_lines() -> None:
    """A removed file cannot be commented; one whose patch cannot be read is spoken of as a whole."""
    files = [
        ChangedFile("main.py", "removed", patch="@@ -1 +0,0 @@\n-x"),
        ChangedFile("other.py", "modified", patch="@@ x"),
    ]
    made = planned(finding("main.py", MAIN, "time.sleep(1)"), finding("other.py", MAIN, "time.sleep(1)"), files=files)

    assert places(made) == [Place.ANNOTATION, Place.FILE]


def test_annotations_beyond_two_hundred_are_rows() -> None:
    """A check run is appended fifty at a time; there must be an end."""
    found = [finding(f"o{number}.py", MAIN, "time.sleep(1)") for number in range(203)]
    made = planned(*found)

    assert places(made).count(Place.ANNOTATION) == len(made.annotations) == 200
    assert places(made).count(Place.SUMMARY) == 3


def test_a_long_finding_is_commented_on_its_first_lines() -> None:
    """A comment over a whole screen hides the code."""
    text = "time.sleep(\n" + "\n" * 20 + ")\n"
    made = planned(finding("main.py", text, text[:-1]), files=[changed("main.py", "", text)], texts=sources(main=text))

    assert made.comments[0].lines == range(1, 11)


# --- what is spoken of


def test_nothing_is_said_twice() -> None:
    """A fingerprint that one of our comments carries is not repeated, and still counts."""
    one = finding("main.py", MAIN, "time.sleep(1)", fix=AWAIT)
    made = planned(one, said=[Said(one.fingerprint, "0ld")])

    assert places(made) == [Place.EARLIER]
    assert made.comments == ()
    assert made.conclusion == "neutral"


@pytest.mark.parametrize(
    ("scope", "spoken"),
    [
        ("introduced", [True, False, False, True]),
        ("changed-lines", [True, False, False, False]),
        ("changed-files", [True, True, False, False]),
    ],
)
def test_the_scope_says_which_findings_are_spoken_of(scope: Scope, spoken: list[bool]) -> None:
    """New ones; those on added lines; those in changed files."""
    made = planned(
        finding("main.py", MAIN, "time.sleep(1)"),
        finding("main.py", MAIN, "FastAPI()", introduced=False),
        finding("other.py", MAIN, "FastAPI()", introduced=False),
        finding("other.py", MAIN, "time.sleep(1)"),
        config=RepositoryConfig(scope=scope),
    )

    assert [place is not Place.SILENT for place in places(made)] == spoken
    assert all(one.reason for one in made.placements if one.place is Place.SILENT)


def test_a_finding_with_an_added_step_is_on_changed_lines() -> None:
    """Its evidence was changed."""
    one = finding(
        "other.py", MAIN, "FastAPI()", introduced=False, chain=steps(("other.py", 1, "a"), ("main.py", 9, "b"))
    )

    assert places(planned(one, config=RepositoryConfig(scope="changed-lines"))) == [Place.COMMENT]


@pytest.mark.parametrize(
    "config",
    [
        RepositoryConfig(ignore=frozenset({"blocking"})),
        RepositoryConfig(select=frozenset({"endpoints"})),
        RepositoryConfig(exclude=("*.py", "!other.py")),
    ],
)
def test_what_the_configuration_excludes_is_not_spoken_of(config: RepositoryConfig) -> None:
    """By rule, by pack, by file."""
    made = planned(finding("main.py", MAIN, "time.sleep(1)", fix=AWAIT), config=config)

    assert places(made) == [Place.SILENT]
    assert made.conclusion == "success"


def test_below_the_severity_nothing_is_commented() -> None:
    """It stands in the check run."""
    found = [
        finding("main.py", MAIN, "time.sleep(1)", severity=Severity.WARNING),
        finding("main.py", MAIN, "return 1", rule="endpoints/x", severity=Severity.INFO),
    ]
    made = planned(*found, config=RepositoryConfig(severity=Severity.WARNING))

    assert places(made) == [Place.COMMENT, Place.ANNOTATION]


def test_the_gravest_findings_are_commented_where_not_all_can_be() -> None:
    """Ten in a review, twenty-five in a pull request; the rest is annotated."""
    text = "".join(f"time.sleep({number})\n" for number in range(12))
    found = [
        finding("main.py", text, f"time.sleep({number})", function=f"f{number}", severity=Severity(1 + (number > 9)))
        for number in range(12)
    ]
    files, texts = [changed("main.py", "", text)], sources(main=text)
    made = planned(*found, files=files, texts=texts)
    later = planned(*found, files=files, texts=texts, said=[Said(f"{number:04x}", "0ld") for number in range(24)])
    shared = planned(
        *found, files=files, texts=texts, said=[Said(f"{number:04x}", "0ld", comment=5) for number in range(24)]
    )
    fewer = planned(*found, files=files, texts=texts, config=RepositoryConfig(max_comments=Limits(2, 25)))

    assert places(made) == [Place.COMMENT] * 8 + [Place.ANNOTATION] * 2 + [Place.COMMENT] * 2
    assert places(later) == [Place.ANNOTATION] * 10 + [Place.COMMENT, Place.ANNOTATION]
    assert places(shared) == places(made)
    assert places(fewer) == [Place.ANNOTATION] * 10 + [Place.COMMENT] * 2


def test_a_draft_is_not_commented() -> None:
    """Unless the repository asks for it."""
    one = finding("main.py", MAIN, "time.sleep(1)", fix=AWAIT)
    made = planned(one, pull=pull_request(draft=True))
    asked = planned(one, pull=pull_request(draft=True), config=RepositoryConfig(review_drafts=True))

    assert (places(made), made.conclusion, made.annotations) == ([Place.SUMMARY], "skipped", ())
    assert (places(asked), asked.conclusion) == ([Place.SUGGESTION], "neutral")


def test_a_bot_is_not_commented() -> None:
    """Nobody would read it; the check run tells."""
    one = finding("main.py", MAIN, "time.sleep(1)", fix=AWAIT)

    assert places(planned(one, pull=pull_request(by_bot=True))) == [Place.ANNOTATION]
    assert places(planned(one, pull=pull_request(by_bot=True), config=RepositoryConfig(review_bots=True))) == [
        Place.SUGGESTION
    ]


# --- the rest


def test_the_check_run_fails_only_where_it_was_asked_to() -> None:
    """`fail-on` names the lowest severity that fails."""
    one = finding("main.py", MAIN, "time.sleep(1)", severity=Severity.WARNING)

    assert planned(one).conclusion == "neutral"
    assert planned(one, config=RepositoryConfig(fail_on=Severity.WARNING)).conclusion == "failure"
    assert planned(one, config=RepositoryConfig(fail_on=Severity.ERROR)).conclusion == "neutral"
    assert planned(config=RepositoryConfig(fail_on=Severity.INFO)).conclusion == "success"


def test_all_is_not_well_where_not_all_could_be_read() -> None:
    """A changed file that does not parse, or a configuration that cannot be used, is no success."""
    files = [changed("main.py", BEFORE, MAIN)]
    for path, conclusion in (("main.py", "neutral"), ("other.py", "success")):
        analysis = Analysis(unreadable=(Unreadable(path, "line 1: invalid syntax"),))
        made = plan(analysis, pull_request(), files, {}, History(), RepositoryConfig())
        assert made.conclusion == conclusion

    assert planned(config=RepositoryConfig(problems=("It is wrong.",))).conclusion == "neutral"
    assert planned(config=RepositoryConfig(problems=("It is wrong.",))).problems == ("It is wrong.",)


def test_ids_are_short_and_tell_findings_apart() -> None:
    """Four characters, more where two begin alike."""
    names = ("abcd1111", "abcd1222", "9999ffff")
    found = [finding("main.py", MAIN, "time.sleep(1)", fingerprint=name, rule=name) for name in names]

    assert planned(*found).ids == {"abcd1111": "abcd11", "abcd1222": "abcd12", "9999ffff": "9999"}


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(["main.py", "other.py", "new.py"]), st.booleans()), max_size=30
    )
)
def test_nothing_found_is_dropped(chosen: list[tuple[int, str, bool]]) -> None:
    """Every finding is placed, once, and in a comment exactly if its place says so."""
    text = "".join(f"call{number}()\n" for number in range(50))
    files = [changed("main.py", text.replace("call7()\n", ""), text), changed("new.py", "", text)]
    found = [
        finding(
            path,
            text,
            f"call{number}()",
            introduced=new,
            function=f"f{number % 5}",
            fix=fix(Edit(path, span_of(text, f"call{number}"), "await x")),
        )
        for number, path, new in dict.fromkeys(chosen)
    ]
    made = planned(*found, files=files, texts={file: text.encode() for file in ("main.py", "other.py", "new.py")})
    commented = [one for comment in (*made.comments, *made.file_comments) for one in comment.findings]

    assert {one.finding for one in made.placements} == set(found)
    assert len(made.placements) == len(set(found))
    in_comments = {Place.SUGGESTION, Place.COMMENT, Place.FILE}
    assert sorted(commented, key=repr) == sorted(
        (one.finding for one in made.placements if one.place in in_comments), key=repr
    )
    assert [one.finding for one in made.placements if one.place is Place.ANNOTATION] == list(made.annotations)
    ranges = [(one.path, line) for one in made.comments if one.suggestion for line in one.suggestion.lines]
    assert len(ranges) == len(set(ranges))
