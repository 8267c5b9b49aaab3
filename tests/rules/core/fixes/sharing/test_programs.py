"""Programs of which no two may run at once in one folder."""

import pytest

from rules import Applicability, Way
from rules.core.fixes.sharing.meanwhile import MEANWHILE
from tests.rules.checking import assert_unfixed, found, with_app

IMPORTS = "import subprocess\nimport tempfile\nfrom uuid import uuid4\n\nfrom fastapi import Request"
SOURCE = """
FOLDER = "site"


@app.post("/")
async def home(request: Request, name: str) -> int:
    {first}
    {started}
    return 1
"""
RULE = "blocking/subprocess"
TOGETHER = [
    "subprocess.run(['git', 'pull'], check=True)",
    "subprocess.run(['git', '-C', FOLDER, 'pull'])",
    "subprocess.check_call(['git', 'commit', '-m', name], cwd=FOLDER)",
    "command = ['git', 'checkout', name]\n    subprocess.check_output(command)",
    "subprocess.run(['alembic', 'upgrade', 'head'])",
]
ALONE = [
    "subprocess.run(['git', 'status'])",
    "subprocess.run(['git', '-C', uuid4().hex, 'pull'])",
    "subprocess.run(['git', 'checkout', name], cwd=tempfile.mkdtemp())",
    "subprocess.run(['echo', 'git', 'pull'])",
    "subprocess.run([name, 'pull'])",
    "subprocess.run(name)",
]


@pytest.mark.parametrize("started", TOGETHER)
def test_no_two_threads_may_change_a_folder_by_a_program(started: str) -> None:
    awaiting = with_app(IMPORTS, SOURCE.format(first="await request.body()", started=started))
    (finding,) = found(RULE, awaiting)
    fixes = [fix for fix in (finding.fix, *finding.alternatives) if fix]
    assert [(fix.way, fix.applicability, fix.notes) for fix in fixes] == [
        (Way.OFFLOAD, Applicability.UNSAFE, (MEANWHILE,))
    ]
    assert_unfixed(RULE, with_app(IMPORTS, SOURCE.format(first="print(name)", started=started)), way=Way.REVERSE)


@pytest.mark.parametrize("first", ["await request.body()", "print(name)"])
@pytest.mark.parametrize("started", ALONE)
def test_any_thread_may_run_what_changes_no_folder_of_others(started: str, first: str) -> None:
    (finding,) = found(RULE, with_app(IMPORTS, SOURCE.format(first=first, started=started)))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
