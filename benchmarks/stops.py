"""A plugin for the pytest of another environment: which tests passed, and what stopped the event loop meanwhile.

It stands alone beside `watching`, which is copied there as well. What it notes goes to the directory STOPS, a file a
process, a JSON list a line: ["test", node id, outcome], ["stop", node id, name, path, text of the line, own].
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from watching import Stop, watching  # type: ignore[import-not-found,unused-ignore]


class Notes:
    """Where notes are written, and the test that runs."""

    def __init__(self, file: IO[str], root: str) -> None:
        self.file = file
        self.test = ""
        self.watched = watching(self.stop, root)

    def write(self, *note: object) -> None:
        self.file.write(json.dumps(note) + "\n")
        self.file.flush()

    def stop(self, stop: Stop) -> None:
        self.write("stop", self.test, stop.name, stop.path, stop.line, stop.own)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.test = item.nodeid
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.write("test", report.nodeid, report.outcome)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to note, in each process that runs tests."""
    if config.getoption("numprocesses", default=None) and not hasattr(config, "workerinput"):
        return
    file = Path(os.environ["STOPS"], f"{os.getpid()}.jsonl").open("w")  # noqa: SIM115 -- the process writes to its end
    notes = Notes(file, os.environ["STOPS_IN"])
    config.pluginmanager.register(notes)
    notes.watched.__enter__()
    config.add_cleanup(lambda: notes.watched.__exit__(None, None, None))
