"""Rows of the standard library beside those that the rules' own tests cover."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, with_app

ENDPOINT = '@app.get("/{name}")\nasync def home(name: str):\n    '
IMPORTS = """
import codecs
import glob
import hashlib
import os
import subprocess
from glob import iglob
from pathlib import Path
"""


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("blocking/files", 'return codecs.open(name, "r", "utf-8").read()'),
        ("blocking/files", 'return glob.glob("**/*.txt", recursive=True)'),
        ("blocking/files", "for path in iglob(name, recursive=True):\n        print(path)"),
        ("blocking/files", 'return [path for path in Path(name).glob("**/*.txt")]'),
        ("blocking/files", 'Path(name).copy("b")'),
        ("blocking/files", 'return hashlib.file_digest(open(name, "rb"), "sha256")'),
        ("blocking/subprocess", "return os.popen(name).read()"),
        ("blocking/subprocess", "pipe = os.popen(name)\n    return pipe.readlines()"),
        ("blocking/subprocess", "os.waitid(os.P_ALL, 0, os.WEXITED)"),
        ("blocking/subprocess", "os.wait4(1, 0)"),
        ("blocking/subprocess", "subprocess.Popen(name).wait(timeout=3)"),
    ],
)
def test_what_blocks(rule: str, body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(rule, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("blocking/files", 'return glob.glob("*.txt")'),
        ("blocking/files", 'return glob.glob("**/*.txt", recursive=False)'),
        ("blocking/files", 'return [path for path in Path(name).glob("*.txt")]'),
        ("blocking/files", 'return Path(name).glob("**/*.txt")'),
        ("blocking/files", "return [path for path in Path(name).iterdir()]"),
        ("blocking/files", "return os.listdir(name)"),
        ("blocking/files", "return [entry for entry in os.scandir(name)]"),
        ("blocking/files", 'return codecs.open("page.html", "r", "utf-8").read()'),
        ("blocking/files", "return name.copy()"),
        ("blocking/subprocess", "os.popen(name)"),
        ("blocking/subprocess", "os.waitpid(1, os.WNOHANG)"),
        ("blocking/subprocess", "os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)"),
        ("blocking/subprocess", "subprocess.Popen(name).wait(timeout=0)"),
        ("blocking/subprocess", "p = subprocess.Popen(name)\n    if p.poll() is not None:\n        p.wait()"),
    ],
)
def test_what_does_not(rule: str, body: str) -> None:
    assert_clean(rule, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))
