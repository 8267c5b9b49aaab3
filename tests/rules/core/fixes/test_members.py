"""Where one more name stands in an import."""

import pytest

from tests.rules.core.fixes.test_imports import assert_fetch


def assert_imported(before: str, after: str) -> None:
    """The import of `run_in_threadpool` comes to stand among those that are there."""
    others = "import requests\nfrom fastapi import FastAPI, Request\n"
    assert_fetch(others + before, others + after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("iterate_in_threadpool", "iterate_in_threadpool, run_in_threadpool"),
        ("sync_to_async", "run_in_threadpool, sync_to_async"),
        ("Any, sync_to_async", "Any, run_in_threadpool, sync_to_async"),
        ("SOME, Zed", "SOME, Zed, run_in_threadpool"),
        ("a, sync_to_async as s, z", "a, run_in_threadpool, sync_to_async as s, z"),
        ("z, a", "z, a, run_in_threadpool"),
        ("(sync_to_async)", "(run_in_threadpool, sync_to_async)"),
    ],
)
def test_a_name_goes_where_the_order_wants_it(before: str, after: str) -> None:
    assert_imported(*(f"from fastapi.concurrency import {names}\n" for names in (before, after)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    a,\n    z,\n", "    a,\n    run_in_threadpool,\n    z,\n"),
        ("    a,\n    b,  # of both\n", "    a,\n    b,  # of both\n    run_in_threadpool,\n"),
        ("    a,\n    b\n", "    a,\n    b,\n    run_in_threadpool\n"),
        ("    a, z\n", "    a, run_in_threadpool, z\n"),
        ("    z,\n", "    run_in_threadpool,\n    z,\n"),
    ],
)
def test_a_name_has_a_line_of_its_own_where_the_others_have_one(before: str, after: str) -> None:
    assert_imported(*(f"from fastapi.concurrency import (\n{names})\n" for names in (before, after)))
