"""What two commits differ in looks as GitHub would tell it."""

from pathlib import Path

import pytest

from bot.changes import Range, changed_files, parse_range
from bot.checkout import CheckoutError, blob_sha, read_blobs
from bot.diff import restore_base
from tests.bot.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop")


def test_both_kinds_of_range_start_at_the_merge_base(repository: Repository) -> None:
    """What happened on the base branch meanwhile is no part of the pull request."""
    root = repository.commit({"a.py": "1\n"})
    repository.git("switch", "--quiet", "--create", "feature")
    head = repository.commit({"b.py": "2\n"})
    repository.git("switch", "--quiet", "main")
    repository.commit({"a.py": "3\n"})

    assert parse_range(repository.root, "main..feature") == Range(root, head)
    assert parse_range(repository.root, "main...feature") == Range(root, head)
    assert parse_range(repository.root, "feature..").base == root
    assert [file.path for file in changed_files(repository.root, Range(root, head))] == ["b.py"]


def test_what_is_no_range(repository: Repository) -> None:
    """The message shows how one is written."""
    with pytest.raises(CheckoutError, match=r"`main` is no range of commits: write BASE\.\.HEAD"):
        parse_range(repository.root, "main")


def test_changed_files_look_as_on_github(repository: Repository) -> None:
    """Statuses are GitHub's words; a patch starts at its first hunk and ends without a line end."""
    long = "".join(f"line {number}\n" for number in range(40))
    base = repository.commit(
        {"a.py": "1\n2\n", "gone.py": "x\n", "old.py": long, "same.py": long[::-1], "b.bin": b"\0"}
    )
    head = repository.commit(
        {
            "a.py": "1\n3\n",
            "gone.py": None,
            "old.py": None,
            "new name.py": long.replace("line 20", "line twenty"),
            "same.py": None,
            "moved.py": long[::-1],
            "added.py": "diff --git a/x b/x\n@@ -1 +1 @@",
            "b.bin": b"\0\1",
        }
    )

    files = {file.path: file for file in changed_files(repository.root, Range(base, head))}

    assert {path: file.status for path, file in files.items()} == {
        "a.py": "modified",
        "added.py": "added",
        "b.bin": "modified",
        "gone.py": "removed",
        "moved.py": "renamed",
        "new name.py": "renamed",
    }
    assert files["a.py"].patch == "@@ -1,2 +1,2 @@\n 1\n-2\n+3"
    assert files["a.py"].sha == blob_sha(b"1\n3\n")
    assert files["added.py"].patch == "@@ -0,0 +1,2 @@\n+diff --git a/x b/x\n+@@ -1 +1 @@\n\\ No newline at end of file"
    assert files["b.bin"].patch is None
    assert files["gone.py"].sha == blob_sha(b"x\n")
    assert (files["moved.py"].previous_path, files["moved.py"].patch) == ("same.py", None)
    assert files["new name.py"].previous_path == "old.py"
    renamed = read_blobs(repository.root, [files["new name.py"].sha or ""])
    assert restore_base(renamed.popitem()[1], files["new name.py"].patch or "") == long.encode()


def test_a_file_that_became_a_link(repository: Repository) -> None:
    """Git writes it as two diffs; the files after it keep their own patches."""
    base = repository.commit({"a.py": "1\n", "b.py": "1\n"})
    (repository.root / "a.py").unlink()
    (repository.root / "a.py").symlink_to("b.py")
    head = repository.commit({"b.py": "2\n"})

    files = changed_files(repository.root, Range(base, head))

    assert [(file.path, file.status, file.patch) for file in files] == [
        ("a.py", "changed", None),
        ("b.py", "modified", "@@ -1 +1 @@\n-1\n+2"),
    ]


def test_the_users_own_settings_change_nothing(repository: Repository) -> None:
    """A patch has GitHub's shape whatever the user likes to see."""
    base = repository.commit({"a.py": "".join(f"{n}\n" for n in range(9))})
    head = repository.commit({"a.py": "".join(f"{n}\n" for n in range(9)).replace("4", "four")})
    plain = changed_files(repository.root, Range(base, head))
    settings = {"diff.noprefix": "true", "diff.context": "0", "color.ui": "always", "diff.external": "false"}
    for name, value in settings.items():
        repository.git("config", name, value)

    assert changed_files(repository.root, Range(base, head)) == plain
    assert plain[0].patch == "@@ -2,7 +2,7 @@\n 1\n 2\n 3\n-4\n+four\n 5\n 6\n 7"
