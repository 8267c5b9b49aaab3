"""Both sides of a pull request, in as few calls as will do.

Texts are known by their git blob SHA wherever they come from, so what was read once is never asked for again.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from bot.analysis import AnalysisFailed, Analyst, Encoded
from bot.asking import both, eventually
from bot.contents import BATCH, FILE_LIMIT, archive, blob_sha, blobs, objects
from bot.diff import PatchMismatch, restore_base
from bot.errors import RetryLater
from bot.github import Installation
from bot.models import ChangedFile, PullRef, PullRequest
from bot.sources import is_source
from rules import Unreadable, engine_version

FILES_LIMIT = 3000
"""Files of a pull request that GitHub names: https://docs.github.com/rest/pulls/pulls#list-pull-requests-files"""
FEW = 200
"""So many blobs are still asked for one by one (in batches); more come as an archive."""
REGULAR = {"100644", "100755"}

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class FactStore(Protocol):
    """Where facts are kept between reviews, by repository, engine version and blob SHA."""

    async def facts(self, repository_id: int, version: str, shas: Collection[str]) -> dict[str, bytes]: ...

    async def keep_facts(
        self, installation: int, repository_id: int, version: str, facts: Mapping[str, bytes]
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Project:
    """Both sides of a pull request as facts, and the texts of the files that it changes, at its head."""

    head: Encoded
    base: Encoded
    sources: Mapping[str, bytes]
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True, slots=True)
class _Tree:
    """The Python files of a commit: path -> blob SHA. `texts` holds those, by SHA, that came with it."""

    files: Mapping[str, str]
    too_large: tuple[str, ...] = ()
    texts: Mapping[str, bytes] | None = None


async def changed_files(github: Installation, ref: PullRef) -> tuple[ChangedFile, ...]:
    """The files that a pull request changes, `FILES_LIMIT` at most."""
    url = f"/repos/{ref.repository}/pulls/{ref.number}/files?per_page=100&page="
    files = await eventually(lambda: github.getitem(f"{url}1"))
    for page in range(2, FILES_LIMIT // 100 + 1):
        if len(files) < (page - 1) * 100:
            break
        files += await github.getitem(f"{url}{page}")
    return tuple(map(_changed_file, files))


def concerns_python(file: ChangedFile) -> bool:
    """Whether this file is one that is read, or was."""
    return is_source(file.path) or is_source(file.previous_path or "")


async def project(
    github: Installation, pull: PullRequest, files: Sequence[ChangedFile], store: FactStore, analyst: Analyst
) -> Project:
    """Both sides of the pull request. Only what the store does not know is read.

    Raises:
        RetryLater: GitHub's list of files is not of this head.
        AnalysisFailed: the pull request or the repository is too large.
    """
    if len(files) >= FILES_LIMIT:
        raise AnalysisFailed(f"The pull request changes {FILES_LIMIT:,} files or more.")
    repository = pull.ref.repository
    changed = [file for file in files if concerns_python(file)]
    wanted = {file.sha for file in changed if file.sha and file.status != "removed"}
    tree, texts = await both(
        eventually(lambda: _tree(github, repository, pull.head)), blobs(github, repository, wanted)
    )
    _check_same_head(tree, changed)
    texts = {**(tree.texts or {}), **texts}
    before = await _texts_before(github, pull, changed, texts)
    shas_before = {path: blob_sha(text) for path, text in before.items()}
    texts |= {shas_before[path]: text for path, text in before.items()}
    encoded = await _facts(github, pull, tree, texts, shas_before.values(), store, analyst)
    head = {path: (sha, encoded[sha]) for path, sha in tree.files.items() if sha in encoded}
    return Project(
        head,
        _base(head, changed, {path: (sha, encoded[sha]) for path, sha in shas_before.items() if sha in encoded}),
        {file.path: texts[sha] for file in changed if (sha := tree.files.get(file.path, "")) in texts},
        _unreadable(tree, encoded),
    )


def _changed_file(file: Mapping[str, Any]) -> ChangedFile:
    """A file as GitHub lists it. Where nothing was changed in it (a mere rename), GitHub leaves the patch out; here it is empty."""
    patch = file.get("patch")
    if patch is None and not file.get("changes"):
        patch = ""
    return ChangedFile(file["filename"], file["status"], file.get("sha"), file.get("previous_filename"), patch)


async def _tree(github: Installation, repository: str, head: str) -> _Tree:
    """The Python files of a commit. Symbolic links and submodules are none."""
    listed = await github.getitem(f"/repos/{repository}/git/trees/{head}?recursive=1")
    if listed["truncated"]:
        files = await archive(github, repository, head)
        texts = {blob_sha(text): text for text in files.values()}
        return _Tree({path: blob_sha(text) for path, text in files.items()}, texts=texts)
    python = [entry for entry in listed["tree"] if entry["mode"] in REGULAR and is_source(entry["path"])]
    return _Tree(
        {entry["path"]: entry["sha"] for entry in python if entry["size"] <= FILE_LIMIT},
        too_large=tuple(entry["path"] for entry in python if entry["size"] > FILE_LIMIT),
    )


def _check_same_head(tree: _Tree, changed: Sequence[ChangedFile]) -> None:
    """The list of files and the head were asked for at the same time; a push may have come between."""
    for file in changed:
        there = tree.files.get(file.path)
        if there is not None and there != file.sha:
            raise RetryLater(5, "GitHub's list of changed files is not that of the head")


async def _texts_before(
    github: Installation, pull: PullRequest, changed: Sequence[ChangedFile], texts: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The Python files that the pull request changes as they were at the merge base, by the path that they had there.

    Most come for free, by taking back the patch.
    """
    before: dict[str, bytes] = {}
    unknown: list[str] = []
    for file in changed:
        path = file.previous_path or file.path
        if file.status in {"added", "copied"} or not is_source(path):
            continue
        text = _taken_back(file, texts)
        if text is None:
            unknown.append(path)
        else:
            before[path] = text
    return before | (await _at_merge_base(github, pull, unknown) if unknown else {})


def _base(head: Encoded, changed: Sequence[ChangedFile], before: Encoded) -> Encoded:
    """The project at the merge base: what the pull request does not touch, and the rest as it was.

    A renamed file stands under its new name as well, so that what it held before is not taken for introduced.
    """
    touched = {file.path for file in changed}
    renamed = {
        file.path: before[file.previous_path]
        for file in changed
        if file.status == "renamed" and file.previous_path in before and file.previous_path is not None
    }
    return {path: facts for path, facts in head.items() if path not in touched} | renamed | dict(before)


def _taken_back(file: ChangedFile, texts: Mapping[str, bytes]) -> bytes | None:
    """The text before the patch, None where that does not follow from it."""
    after = b"" if file.status == "removed" else texts.get(file.sha or "")
    if after is None or file.patch is None:
        return None
    try:
        return restore_base(after, file.patch)
    except PatchMismatch:
        return None


async def _at_merge_base(github: Installation, pull: PullRequest, paths: Sequence[str]) -> dict[str, bytes]:
    """Files as they were where the pull request branched off; those above `FILE_LIMIT` are left out."""
    repository = pull.ref.repository
    compared = await github.getitem(f"/repos/{repository}/compare/{pull.base}...{pull.head}?per_page=1")
    merge_base = compared["merge_base_commit"]["sha"]
    named = [
        f"object(expression: {json.dumps(f'{merge_base}:{path}', ensure_ascii=False)}) {{ oid }}" for path in paths
    ]
    shas: dict[str, str] = {}
    for start in range(0, len(paths), BATCH):
        data = await objects(github, repository, named[start : start + BATCH])
        shas |= {path: found["oid"] for path, found in zip(paths[start:], data, strict=False) if found}
    texts = await blobs(github, repository, shas.values())
    return {path: texts[sha] for path, sha in shas.items() if sha in texts}


async def _facts(
    github: Installation,
    pull: PullRequest,
    tree: _Tree,
    texts: Mapping[str, bytes],
    before: Iterable[str],
    store: FactStore,
    analyst: Analyst,
) -> dict[str, bytes]:
    """Encoded facts of every blob of both sides, by SHA. What was not known is read, and kept."""
    ref = pull.ref
    wanted = {*tree.files.values(), *before}
    known = await store.facts(ref.repository_id, engine_version(), wanted)
    missing = wanted - known.keys()
    if not missing:
        return known
    at_hand = {sha: texts[sha] for sha in missing if sha in texts}
    at_hand |= await _missing_texts(github, pull, missing - at_hand.keys())
    read = await analyst.read(at_hand)
    await store.keep_facts(ref.installation, ref.repository_id, engine_version(), read)
    return known | read


async def _missing_texts(github: Installation, pull: PullRequest, missing: Collection[str]) -> dict[str, bytes]:
    """Blobs by SHA: a few in batches, many as an archive of the whole head."""
    repository = pull.ref.repository
    if len(missing) <= FEW:
        return await blobs(github, repository, missing)
    try:
        files = await archive(github, repository, pull.head)
    except AnalysisFailed as failure:
        log.info("archive not read", reason=failure.reason, repository=repository)
        return await blobs(github, repository, missing)
    found = {sha: text for text in files.values() if (sha := blob_sha(text)) in missing}
    # An archive may leave files out, or change them: https://git-scm.com/docs/gitattributes#_creating_an_archive
    return found | await blobs(github, repository, set(missing) - found.keys())


def _unreadable(tree: _Tree, encoded: Collection[str]) -> tuple[Unreadable, ...]:
    large = [Unreadable(path, "The file is larger than 1 MB.") for path in tree.too_large]
    lost = [Unreadable(path, "The file could not be read.") for path, sha in tree.files.items() if sha not in encoded]
    return (*large, *lost)
