"""From facts to findings: what is introduced, what is silenced, what is asked for."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from rules import (
    Analysis,
    Options,
    Way,
    all_rules,
    analyze,
    apply_edits,
    decode_source,
    engine_version,
    read_base,
    read_facts,
)
from tests.rules.checking import DEFAULT, Files, analysed, encoded, found, project, with_app

ENDPOINT = '@app.get("/")\nasync def home():\n    {}\n'
SLEEP = with_app("import time", ENDPOINT.format("time.sleep(1)"))
FETCH = with_app("import requests", ENDPOINT.format('requests.get("x")'))


def compared(base: Files, head: Files, options: Options = DEFAULT) -> Analysis:
    return analysed(_encoded(head), base=_encoded(base), options=options)


def _encoded(files: Files) -> Mapping[str, bytes]:
    return {path: encoded(text) for path, text in files.items()}


def introduced(base: str, head: str) -> list[bool]:
    return [f.introduced for f in compared({"app/main.py": base}, {"app/main.py": head}).findings]


# New or old


def test_an_untouched_finding_is_old_and_carries_no_fix() -> None:
    (finding,) = compared({"app/main.py": SLEEP}, {"app/main.py": SLEEP}).findings
    assert not finding.introduced
    assert finding.fix is None
    assert finding.alternatives == ()


def test_a_new_file_is_introduced() -> None:
    (finding,) = compared({}, {"app/main.py": SLEEP}).findings
    assert finding.introduced
    assert finding.fix is not None


HELPED = with_app("from app.help import ask", ENDPOINT.format("ask()"))
CHANGES: list[Files] = [
    {"app/help.py": "import requests\ndef ask(): requests.get('x')\n"},
    {"app/main.py": SLEEP},
    {"app/main.py": HELPED.replace("app.help", "app.more"), "app/more.py": "import time\ndef ask(): time.sleep(1)\n"},
    {"app/help.py": "from app.more import ask\n", "app/more.py": "import time\ndef ask(): time.sleep(1)\n"},
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("options", [DEFAULT, Options(client="httpx"), Options(blocking={"help.ask": None})])
def test_what_the_base_has_gathered_changes_nothing(change: Files, options: Options) -> None:
    files: Files = {"app/main.py": HELPED, "app/help.py": "def ask(): ...\n", "app/__init__.py": ""}
    base, head = (
        {path: read_facts(text) for path, text in _encoded(one).items()} for one in (files, {**files, **change})
    )
    head |= {path: facts for path, facts in base.items() if path not in change}
    before = read_base(base, options=options)
    texts = _encoded({**files, **change})
    for_all = [analyze(head, texts, base=one, options=options) for one in (before, replace(before, repository=None))]
    assert for_all[0] == for_all[1]
    assert for_all[0].findings


def test_a_call_that_is_added_is_introduced() -> None:
    assert introduced(SLEEP.replace("time.sleep(1)", "pass"), SLEEP) == [True]


def test_a_def_that_becomes_async_above_an_untouched_line_is_introduced() -> None:
    assert introduced(SLEEP.replace("async def", "def"), SLEEP) == [True]


def test_a_registration_above_an_untouched_function_is_introduced() -> None:
    assert introduced(SLEEP.replace('@app.get("/")\n', ""), SLEEP) == [True]


def test_a_helper_that_becomes_blocking_in_another_file_is_introduced() -> None:
    """The pull request touches the helper, the finding stands at the call in the untouched endpoint."""
    main = with_app("", "from .work import work\n\n\n" + ENDPOINT.format("work()"))
    base: Files = {"app/__init__.py": "", "app/main.py": main, "app/work.py": "def work(): ...\n"}
    head: Files = {**base, "app/work.py": "import time\n\ndef work():\n    time.sleep(1)\n"}
    (finding,) = compared(base, head).findings
    assert finding.introduced
    assert finding.path == "app/main.py"


def test_a_session_that_becomes_synchronous_in_another_file_is_introduced() -> None:
    main = with_app("", "from .db import get\n\nfrom fastapi import Depends\n\n\n" + ENDPOINT).replace(
        "home()", "home(db=Depends(get))"
    )
    main = main.format("db.commit()")
    base: Files = {
        "app/__init__.py": "",
        "app/main.py": main,
        "app/db.py": "from elsewhere import Session\n\ndef get():\n    yield Session()\n",
    }
    head: Files = {**base, "app/db.py": "from sqlalchemy.orm import Session\n\ndef get():\n    yield Session()\n"}
    assert [f.introduced for f in compared(base, head).findings] == [True]


@pytest.mark.parametrize(
    "head",
    [
        "\n\n\n" + SLEEP,
        SLEEP.replace("import time", "import os\nimport time"),
        SLEEP.replace('@app.get("/")', 'def other(): ...\n\n\n@app.get("/")'),
        SLEEP.replace('@app.get("/")', '@app.get("/other")'),
        SLEEP.replace("    time.sleep(1)", "    x = 1\n    time.sleep(1)\n    return x"),
        SLEEP.replace("    time.sleep(1)", "    if True:\n        time.sleep(1)"),
        SLEEP.replace("    time.sleep(1)", "    time.sleep(\n        1,\n    )  # wait"),
        SLEEP + "\n\n# more\n",
        SLEEP.replace("\n", "\r\n"),
        SLEEP.replace("home()", "home(x: int = 1)"),
    ],
)
def test_moved_lines_are_not_introduced(head: str) -> None:
    assert introduced(SLEEP, head) == [False]


def test_a_second_call_of_the_same_text_is_introduced_once() -> None:
    twice = SLEEP.replace("    time.sleep(1)", "    time.sleep(1)\n    time.sleep(1)")
    assert sorted(introduced(SLEEP, twice)) == [False, True]


def test_another_argument_is_introduced() -> None:
    assert introduced(SLEEP, SLEEP.replace("time.sleep(1)", "time.sleep(60)")) == [True]


def test_a_fixed_finding_is_gone() -> None:
    (finding,) = found("blocking/sleep", SLEEP)
    assert finding.fix is not None
    head = apply_edits(SLEEP.encode(), finding.fix.edits).decode()
    assert introduced(SLEEP, head) == []


@pytest.mark.parametrize("head", [{"app/main.py": SLEEP.replace("home", "house")}, {"app/other.py": SLEEP}])
def test_a_renamed_function_or_file_is_not_introduced(head: Files) -> None:
    (finding,) = compared({"app/main.py": SLEEP}, head).findings
    assert not finding.introduced


def test_an_old_sin_beside_an_edit_is_not_repeated() -> None:
    head = SLEEP + '\n\n@app.get("/more")\nasync def more():\n    time.sleep(2)\n'
    findings = compared({"app/main.py": SLEEP}, {"app/main.py": head}).findings
    assert [(f.function, f.introduced) for f in findings] == [("home", False), ("more", True)]


def test_only_the_introduced_finding_of_a_function_is_mended() -> None:
    """What the old one needs is not part of the fix of the new one."""
    before = with_app("import time", ENDPOINT.format("time.sleep(1)\n    await pause()"))
    head = before.replace("    await pause()", "    time.sleep(2)\n    await pause()")
    old, new = compared({"app/main.py": before}, {"app/main.py": head}).findings
    assert (old.fix, old.introduced, new.introduced) == (None, False, True)
    assert new.fix is not None
    edited = apply_edits(head.encode(), new.fix.edits).decode()
    assert "    time.sleep(1)\n    await asyncio.sleep(2)\n" in edited


def test_a_base_that_could_not_be_read_hides_nothing() -> None:
    assert introduced("def (:\n", SLEEP) == [True]


# Comments that silence


@pytest.mark.parametrize(
    "comment",
    [
        "# asyncify: ignore",
        "# asyncify: ignore[blocking/sleep]",
        "# asyncify: ignore[blocking]",
        "# asyncify: ignore[clients, blocking/sleep]",
        "# noqa: ASYNC251",
        "# noqa: E501, ASYNC251",
        "# noqa: ASYNC101",
    ],
)
@pytest.mark.parametrize("place", ["time.sleep(1)", "async def home():"])
def test_a_comment_silences_on_the_call_or_on_the_def(comment: str, place: str) -> None:
    assert not found("blocking/sleep", SLEEP.replace(place, f"{place}  {comment}"))


@pytest.mark.parametrize(
    "comment",
    [
        "# asyncify: ignore[clients]",
        "# asyncify: ignore[blocking/files]",
        "# noqa: ASYNC210",
        "# noqa",
        "# noqa: E501",
        "# type: ignore",
    ],
)
def test_other_comments_silence_nothing(comment: str) -> None:
    assert found("blocking/sleep", SLEEP.replace("time.sleep(1)", f"time.sleep(1)  {comment}"))


def test_a_comment_on_any_line_of_the_call_silences() -> None:
    source = SLEEP.replace("time.sleep(1)", "time.sleep(\n        1,  # asyncify: ignore\n    )")
    assert not found("blocking/sleep", source)


def test_a_comment_on_another_line_silences_nothing() -> None:
    assert found("blocking/sleep", SLEEP.replace("    time", "    # asyncify: ignore\n    time"))


def test_a_comment_on_the_blocking_line_of_a_helper_silences_all_that_lead_to_it() -> None:
    main = with_app("", "from .work import work\n\n\n" + ENDPOINT.format("work()"))
    files: Files = {
        "app/__init__.py": "",
        "app/work.py": "import time\n\ndef work():\n    time.sleep(1)  # asyncify: ignore[blocking/sleep]\n",
    }
    assert not found("blocking/sleep", main, files)


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# asyncify: ignore-file", True),
        ("# asyncify: ignore-file[blocking/sleep]", True),
        ("# asyncify: ignore-file[blocking]", True),
        ("# asyncify: ignore-file[clients]", False),
        ("# ruff: noqa", False),
        ("# flake8: noqa", False),
    ],
)
def test_a_comment_that_silences_the_file(comment: str, silent: bool) -> None:
    assert bool(found("blocking/sleep", f"{comment}\n{SLEEP}")) is not silent
    assert bool(found("blocking/sleep", f"{SLEEP}\n\n{comment}\n")) is not silent


def test_silencing_at_head_is_no_news() -> None:
    assert introduced(SLEEP, SLEEP.replace("time.sleep(1)", "time.sleep(1)  # asyncify: ignore")) == []


def test_a_silence_that_is_lifted_is_introduced() -> None:
    assert introduced(SLEEP.replace("time.sleep(1)", "time.sleep(1)  # asyncify: ignore"), SLEEP) == [True]


# Options


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        (Options(), {"blocking/sleep", "clients/requests"}),
        (Options(select=frozenset({"blocking"})), {"blocking/sleep"}),
        (Options(select=frozenset({"clients/requests"})), {"clients/requests"}),
        (Options(ignore=frozenset({"blocking"})), {"clients/requests"}),
        (Options(ignore=frozenset({"blocking/sleep", "clients"})), set()),
        (Options(select=frozenset({"blocking"}), ignore=frozenset({"blocking/sleep"})), set()),
    ],
)
def test_options(options: Options, rules: set[str]) -> None:
    source = with_app("import time\nimport requests", ENDPOINT.format('time.sleep(1)\n    requests.get("x")'))
    assert {f.rule for f in analysed(project(source), options=options).findings} == rules


# Fixes


def test_fixes_are_written_only_where_the_text_is_at_hand() -> None:
    facts = {"app/main.py": read_facts(SLEEP.encode())}
    (finding,) = analyze(facts, {}).findings
    assert finding.introduced
    assert finding.fix is None


def test_a_text_that_is_not_that_of_the_facts_breaks_nothing() -> None:
    facts = {"app/main.py": read_facts(SLEEP.encode())}
    for other in (b"", b"x = 1\n", b"def (:\n", b"\xff", SLEEP.replace("import time", "\n\n").encode(), FETCH.encode()):
        (finding,) = analyze(facts, {"app/main.py": other}).findings
        assert finding.rule == "blocking/sleep"


def test_the_best_fix_comes_first_and_the_others_are_alternatives() -> None:
    (finding,) = found("blocking/sleep", SLEEP)
    assert finding.fix is not None
    ways = [finding.fix.way, *(fix.way for fix in finding.alternatives)]
    assert ways[0] is Way.TWIN
    assert set(ways) == {Way.TWIN, Way.REVERSE, Way.OFFLOAD}
    (finding,) = found("clients/requests", FETCH)
    assert finding.fix is not None
    assert finding.fix.way is Way.REVERSE
    assert [fix.way for fix in finding.alternatives] == [Way.OFFLOAD]


def test_ways_of_one_function_go_together() -> None:
    """A function that loses its `async` can await nothing."""
    findings = analysed(
        project(with_app("import time\nimport requests", ENDPOINT.format('time.sleep(1)\n    requests.get("x")')))
    ).findings
    assert {f.fix.way for f in findings if f.fix} == {Way.REVERSE}


# The whole


def test_unreadable_files_are_named_and_cost_only_themselves() -> None:
    analysis = analysed({**project(SLEEP), "app/bad.py": b"def (:\n", "app/binary.py": b"\xff\xfe"})
    assert [u.path for u in analysis.unreadable] == ["app/bad.py", "app/binary.py"]
    assert all(u.reason for u in analysis.unreadable)
    assert len(analysis.findings) == 1


def test_an_empty_repository() -> None:
    assert analyze({}, {}) == Analysis()


def test_findings_are_sorted_and_the_same_each_time() -> None:
    files = {f"app/m{n}.py": SLEEP.replace('"/"', f'"/{n}"').encode() for n in range(6)}
    first = analysed(files)
    assert [f.path for f in first.findings] == sorted(files)
    assert analysed(dict(reversed(files.items()))) == first


def test_every_finding_names_a_rule_and_its_severity() -> None:
    for finding in analysed(project(SLEEP, {"app/other.py": FETCH})).findings:
        assert finding.severity is all_rules()[finding.rule].severity


def test_the_version_of_the_engine_is_short_and_stable() -> None:
    assert len(engine_version()) == 16
    assert int(engine_version(), 16) >= 0


def test_a_finding_stands_at_the_call() -> None:
    (finding,) = found("blocking/sleep", SLEEP)
    line = decode_source(SLEEP.encode()).split("\n")[finding.span.line - 1]
    assert line[finding.span.column - 1 : finding.span.end_column - 1] == "time.sleep(1)"
    assert finding.route == "GET /"
    assert [step.name for step in finding.chain] == ["home"]
