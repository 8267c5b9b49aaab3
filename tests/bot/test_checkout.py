"""What is read from a local checkout is what Git, and GitHub, have there."""

import os
from pathlib import Path

import pytest

from bot.checkout import (
    CheckoutError,
    blob_sha,
    find_root,
    list_blobs,
    merge_base,
    python_blobs,
    read_blobs,
    read_tree,
    replace_file,
    resolve,
)
from tests.bot.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop")


def test_the_tree_leaves_out_what_git_ignores(repository: Repository) -> None:
    """Tracked and new files are read; ignored ones, environments, links and files that are gone are not."""
    repository.commit({"app/main.py": "a\n", "gone.py": "", "README.md": "", ".gitignore": "local.py\n"})
    repository.write({"gone.py": None, "new.py": "b\n", "local.py": "", ".venv/lib/x.py": "", "node_modules/y.py": ""})
    (repository.root / "link.py").symlink_to("new.py")

    tree = read_tree(repository.root)

    assert tree.files == {"app/main.py": b"a\n", "new.py": b"b\n"}
    assert tree.unreadable == {}


def test_the_tree_without_git(tmp_path: Path) -> None:
    """Without Git the directories of tools are passed over."""
    for name in ("a.py", "x/b.py", ".venv/c.py", "x/__pycache__/d.py", "x/site-packages/e.py", "x/f.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert list(read_tree(tmp_path).files) == ["a.py", "x/b.py"]


def test_an_ignored_file_that_is_named_is_read(repository: Repository) -> None:
    """Who names a file, or a directory, means it."""
    repository.commit({".gitignore": "build/\n", "a.py": ""})
    repository.write({"build/b.py": "b", "build/deep/c.py": "c"})
    root = repository.root

    assert list(read_tree(root, [root / "build/b.py"]).files) == ["a.py", "build/b.py"]
    assert list(read_tree(root, [root / "build"]).files) == ["a.py", "build/b.py", "build/deep/c.py"]


def test_a_file_of_another_kind_is_named(repository: Repository) -> None:
    """It is not passed over in silence."""
    repository.write({"a.py": "", "README.md": ""})

    tree = read_tree(repository.root, [repository.root / "README.md"])
    assert list(tree.files) == ["a.py"]
    assert tree.unreadable == {"README.md": "It is no Python file: its name does not end in .py."}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A file without permission is told, and costs itself only."""
    (tmp_path / "a.py").touch(mode=0o000)
    (tmp_path / "b.py").touch()

    tree = read_tree(tmp_path)

    assert list(tree.files) == ["b.py"]
    assert tree.unreadable == {"a.py": "It cannot be read: Permission denied."}


def test_the_root_is_the_top_of_the_repository(repository: Repository) -> None:
    """Every path of a repository has the same root."""
    repository.write({"app/deep/main.py": "", "b.py": ""})
    root = repository.root

    assert find_root([root / "app/deep"]) == root
    assert find_root([root / "app/deep/main.py", root / "b.py"]) == root


def test_a_link_means_what_it_leads_to(repository: Repository, tmp_path: Path) -> None:
    """A path that leads into a repository belongs to it."""
    repository.write({"app/main.py": ""})
    (tmp_path / "link").symlink_to(repository.root / "app")

    assert find_root([tmp_path / "link"]) == repository.root


def test_two_repositories_are_refused(tmp_path: Path) -> None:
    """Facts of different projects are never mixed."""
    for name in ("one", "two"):
        Repository(tmp_path / name)

    with pytest.raises(CheckoutError, match=r"different projects \(.*one and .*two\): check them one at a time"):
        find_root([tmp_path / "one", tmp_path / "two"])


def test_the_root_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest project file marks it, else where one stands, else the directory above the package."""
    package = tmp_path / "code/shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "main.py").touch()
    assert find_root([package / "main.py"]) == tmp_path / "code"

    monkeypatch.chdir(tmp_path)
    assert find_root([Path("code/shop")]) == tmp_path

    (tmp_path / "code/pyproject.toml").touch()
    assert find_root([Path("code/shop/main.py")]) == tmp_path / "code"


def test_blobs_are_read_by_their_sha(repository: Repository) -> None:
    """Bytes come back as they were, whatever is in them; links are not followed."""
    (repository.root / "link.py").symlink_to("a.py")
    commit = repository.commit({"a.py": b"x\r\n\xff\0", "d/\u00e9 \n.py": "", "b.txt": "text"})

    blobs = list_blobs(repository.root, commit)

    assert list(blobs) == ["a.py", "b.txt", "d/\u00e9 \n.py"]
    assert list(python_blobs(blobs)) == ["a.py", "d/\u00e9 \n.py"]
    assert blobs["a.py"] == blob_sha(b"x\r\n\xff\0")
    assert read_blobs(repository.root, blobs.values()) == {
        blobs["a.py"]: b"x\r\n\xff\0",
        blobs["b.txt"]: b"text",
        blobs["d/\u00e9 \n.py"]: b"",
    }


def test_nothing_to_read_starts_nothing(tmp_path: Path) -> None:
    """Where no blob is wanted, not even a repository is needed."""
    assert read_blobs(tmp_path, []) == {}


@pytest.mark.parametrize("revision", ["nowhere", "--help", "-h", "", "HEAD:a.py", "--output=x"])
def test_a_revision_that_is_none(repository: Repository, revision: str) -> None:
    """It is named; what looks like an option never reaches Git."""
    repository.commit({"a.py": ""})

    with pytest.raises(CheckoutError, match="There is no commit"):
        resolve(repository.root, revision)

    assert not (repository.root / "x").exists()


def test_no_repository_is_said_so(tmp_path: Path) -> None:
    """A missing repository is not reported as a missing commit."""
    with pytest.raises(CheckoutError, match="not a git repository"):
        resolve(tmp_path, "HEAD")


def test_branches_without_a_common_commit(repository: Repository) -> None:
    """They cannot be compared, and that is what is said."""
    repository.commit({"a.py": ""})
    repository.git("switch", "--quiet", "--orphan", "other")
    repository.commit({"b.py": ""})

    with pytest.raises(CheckoutError, match="`main` and `other` have no commit in common"):
        merge_base(repository.root, "main", "other")


def test_replacing_a_file_keeps_its_mode(tmp_path: Path) -> None:
    """The new text is there in one step, and nothing else is left behind."""
    script = tmp_path / "run.py"
    script.write_bytes(b"old")
    script.chmod(0o755)

    replace_file(script, b"new")

    assert script.read_bytes() == b"new"
    assert script.stat().st_mode & 0o777 == 0o755
    assert list(tmp_path.iterdir()) == [script]
