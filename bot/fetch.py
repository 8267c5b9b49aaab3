"""What a review needs to know from GitHub, in as few calls as will do.

Texts are known by their git blob SHA wherever they come from, so what was read once is never asked for again.
"""

import asyncio
import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, Protocol, TypeVar

import structlog
from cachetools import TTLCache
from gidgethub import BadRequest, GitHubBroken

from bot.analysis import AnalysisFailed, Analyst, Encoded
from bot.commands import read_commands
from bot.config import CONFIG_PATH, PYPROJECT_PATH, Layer
from bot.diff import PatchMismatch, restore_base
from bot.errors import Dropped, RetryLater
from bot.github import GitHub, Installation, TooLarge
from bot.markers import Marker, read_marker, read_suggestion
from bot.models import ChangedFile, History, PullRef, PullRequest, Said, Thread
from rules import ENGINE_VERSION, Unreadable

CHECK_NAME = "asyncify"
FILE_LIMIT = 1_000_000
"""Bytes of a file that is read."""
FILES_LIMIT = 3000
"""Files of a pull request that GitHub names: https://docs.github.com/rest/pulls/pulls#list-pull-requests-files"""
ARCHIVE_LIMIT = 50 * 1024**2
UNPACKED_LIMIT = 1024**3
TEXTS_LIMIT = 128 * 1024**2
"""Bytes of Python that are taken from one archive, since they are held in memory."""
BATCH = 50
FEW = 200
"""So many blobs are still asked for one by one (in batches); more come as an archive."""
READERS = 8
"""Requests at a time."""
PAGES = 20
PRIVATE_FOR = 600.0
"""Seconds for which an organisation's private configuration is remembered."""
EVENTUALLY = (1.0, 2.0, 4.0)
"""Seconds between the attempts to read what GitHub announced but does not have yet."""
REGULAR = {"100644", "100755"}

_T = TypeVar("_T")
_U = TypeVar("_U")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_SHARED = f"HEAD:{CONFIG_PATH}"
_ORGANISATION = (
    'organisation: repository(owner: $owner, name: ".github") { object(expression: $shared) { ... on Blob { text } } }'
)
_STANDING = """
query($owner: String!, $name: String!, $number: Int!, $app: Int!, $check: String!, $file: String!, $project: String!,
      $shared: String!, $reviews: String, $threads: String) {
  viewer { login }
  ORGANISATION
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      baseRef { target { ... on Commit {
        file: file(path: $file) { object { ... on Blob { text } } }
        project: file(path: $project) { object { ... on Blob { text } } }
      } } }
      state isDraft locked url headRefOid headRefName baseRefOid baseRefName
      author { __typename login }
      headRepository { nameWithOwner databaseId defaultBranchRef { name } }
      reviews(first: 100, after: $reviews) {
        pageInfo { hasNextPage endCursor }
        nodes { viewerDidAuthor author { __typename login } state body }
      }
      reviewThreads(first: 100, after: $threads) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id path subjectType isResolved isOutdated viewerCanResolve viewerCanUnresolve
          resolvedBy { login }
          comments(first: 1) {
            nodes {
              id viewerDidAuthor author { __typename login } fullDatabaseId body isMinimized
              reactions(content: THUMBS_DOWN, first: 10) { nodes { user { login } } }
            }
          }
          latest: comments(last: 20) { nodes { viewerDidAuthor author { __typename login } body } }
        }
      }
      commits(last: 1) {
        nodes { commit { oid checkSuites(first: 5, filterBy: {appId: $app, checkName: $check}) {
          nodes { status checkRuns(first: 1, filterBy: {checkName: $check, checkType: LATEST}) {
            nodes { databaseId status externalId }
          } }
        } } }
      }
    }
  }
}
""".replace("ORGANISATION", _ORGANISATION)

_BLOB = "{ ... on Blob { oid byteSize text } }"


class FactStore(Protocol):
    """Where facts are kept between reviews, by repository, engine version and blob SHA."""

    async def facts(self, repository_id: int, version: str, shas: Collection[str]) -> dict[str, bytes]: ...

    async def keep_facts(
        self, installation: int, repository_id: int, version: str, facts: Mapping[str, bytes]
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pull request stands right now.

    `layers` holds the configuration file of the base branch, `shared` the text of the organisation's, if this
    repository's token can see it. `own` is true where our own App opened it. `mark` is the `external_id` of our check
    run on its head.
    """

    pull: PullRequest
    history: History
    layers: tuple[Layer, ...] = ()
    shared: str | None = None
    own: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What repositories inherit from files outside of them: the operator's, and those in private `.github` repositories.

    `private` remembers the latter for some minutes, by installation and by the number of its latest change.
    """

    operator: tuple[Layer, ...] = ()
    private: TTLCache[tuple[int, int], str | None] = field(default_factory=lambda: TTLCache(4096, PRIVATE_FOR))


@dataclass(frozen=True, slots=True)
class Project:
    """Both sides of a pull request as facts, and the texts of the files that it changes, at its head."""

    head: Encoded
    base: Encoded
    sources: Mapping[str, bytes]
    unreadable: tuple[Unreadable, ...] = ()


class _NotThere(Exception):  # noqa: N818 -- it is read as a sentence: the commit is not there
    """GitHub answers 404, perhaps only for some seconds more."""


@dataclass(frozen=True, slots=True)
class _Tree:
    """The Python files of a commit: path -> blob SHA. `texts` holds those, by SHA, that came with it."""

    files: Mapping[str, str]
    too_large: tuple[str, ...] = ()
    texts: Mapping[str, bytes] | None = None


async def standing(github: Installation, ref: PullRef) -> Standing:
    """The pull request and what our own App said in it. Only what our App wrote itself is believed.

    Raises:
        Dropped: there is no such pull request.
    """
    pages = [await _eventually(lambda: _standing_page(github, ref, None, None))]
    while (more := _next_page(pages[-1])) and len(pages) < PAGES:
        pages.append(await _standing_page(github, ref, *more))
    return _standing(ref, pages)


async def changed_files(github: Installation, ref: PullRef) -> tuple[ChangedFile, ...]:
    """The files that a pull request changes, `FILES_LIMIT` at most."""
    url = f"/repos/{ref.repository}/pulls/{ref.number}/files?per_page=100&page="
    files = await _eventually(lambda: github.getitem(f"{url}1"))
    for page in range(2, FILES_LIMIT // 100 + 1):
        if len(files) < (page - 1) * 100:
            break
        files += await github.getitem(f"{url}{page}")
    return tuple(map(_changed_file, files))


async def configuration(github: Installation, stands: Standing, inherited: Inherited) -> tuple[Layer, ...]:
    """The configuration files in force, the weakest first: the operator's, the organisation's, that of the base branch.

    A private `.github` repository takes a token of its own; what was found there is remembered for some minutes.
    """
    ref, shared = stands.pull.ref, stands.shared
    owner = ref.repository.partition("/")[0]
    if shared is None:
        key = ref.installation, github.app.changes.get(ref.installation, 0)
        if key not in inherited.private:
            inherited.private[key] = await _private_text(github.app, ref.installation, owner)
        shared = inherited.private.get(key)
    return (
        *inherited.operator,
        *([Layer(f"{owner}/.github: {CONFIG_PATH}", shared)] if shared else []),
        *stands.layers,
    )


def concerns_python(file: ChangedFile) -> bool:
    """Whether this file is Python, or was."""
    return file.path.endswith(".py") or (file.previous_path or "").endswith(".py")


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
        _eventually(lambda: _tree(github, repository, pull.head)), blobs(github, repository, wanted)
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


async def blobs(github: Installation, repository: str, shas: Iterable[str]) -> dict[str, bytes]:
    """The content of blobs by SHA, byte for byte; those above `FILE_LIMIT` are left out."""
    wanted = iter(sorted(set(shas)))
    batches = list(iter(lambda: list(islice(wanted, BATCH)), []))
    readers = asyncio.Semaphore(READERS)

    async def read(batch: Sequence[str]) -> dict[str, bytes]:
        async with readers:
            return await _blob_batch(github, repository, batch)

    found: dict[str, bytes] = {}
    for part in await asyncio.gather(*map(read, batches)):
        found |= part
    return found


def blob_sha(content: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


async def both(first: Coroutine[Any, Any, _T], second: Coroutine[Any, Any, _U]) -> tuple[_T, _U]:
    """The results of two coroutines that run at the same time; where one fails, the other one ends."""
    tasks = asyncio.create_task(first), asyncio.create_task(second)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _eventually(call: Callable[[], Awaitable[_T]]) -> _T:
    """What `call` returns; a 404 is believed only after some seconds, since GitHub announces before it has.

    Raises:
        Dropped: it is not there.
    """
    for wait in EVENTUALLY:
        with suppress(_NotThere):
            return await _found(call)
        await asyncio.sleep(wait)
    try:
        return await _found(call)
    except _NotThere as error:
        raise Dropped(f"GitHub does not have what it announced: {error}") from error


async def _found(call: Callable[[], Awaitable[_T]]) -> _T:
    try:
        return await call()
    except BadRequest as error:
        if error.status_code != 404:
            raise
        raise _NotThere(str(error)) from error


async def _standing_page(
    github: Installation, ref: PullRef, reviews: str | None, threads: str | None
) -> dict[str, Any]:
    owner, name = ref.repository.split("/")
    data = await github.graphql(
        _STANDING,
        owner=owner,
        name=name,
        number=ref.number,
        app=github.app.id,
        check=CHECK_NAME,
        file=CONFIG_PATH,
        project=PYPROJECT_PATH,
        shared=_SHARED,
        reviews=reviews,
        threads=threads,
    )
    pull = (data["repository"] or {}).get("pullRequest")
    if pull is None:
        raise _NotThere(f"{ref.repository}#{ref.number}")
    return {**pull, "viewer": data["viewer"]["login"], "organisation": data["organisation"]}


def _next_page(page: Mapping[str, Any]) -> tuple[str | None, str | None] | None:
    """Where the next page of reviews and threads begins, None where this was the last."""
    reviews, threads = page["reviews"]["pageInfo"], page["reviewThreads"]["pageInfo"]
    if not (reviews["hasNextPage"] or threads["hasNextPage"]):
        return None
    return reviews["endCursor"], threads["endCursor"]


def _standing(ref: PullRef, pages: Sequence[Mapping[str, Any]]) -> Standing:
    first = pages[0]
    author, viewer = first["author"] or {"__typename": "User", "login": "ghost"}, first["viewer"]
    pull = PullRequest(
        ref=ref,
        head=first["headRefOid"],
        base=first["baseRefOid"],
        base_ref=first["baseRefName"],
        head_repository=(first["headRepository"] or {}).get("nameWithOwner"),
        author=author["login"],
        open=first["state"] == "OPEN",
        draft=first["isDraft"],
        by_bot=author["__typename"] == "Bot",
        page=first["url"],
        head_ref=first["headRefName"],
        head_default=((first["headRepository"] or {}).get("defaultBranchRef") or {}).get("name", ""),
        head_id=(first["headRepository"] or {}).get("databaseId"),
        locked=first["locked"],
    )
    run = _check_run(first, pull.head) or {}
    threads = [node for page in pages for node in page["reviewThreads"]["nodes"]]
    reviews = [said for page in pages for node in page["reviews"]["nodes"] if (said := _reviewed(node, viewer))]
    history = History(
        said=tuple(one for node in threads for one in _said(node, viewer)),
        reviewed=frozenset(said.head for said in reviews),
        check_run=run.get("databaseId"),
        check_completed=run.get("status") == "COMPLETED",
        answered=frozenset(said.answer for said in reviews if said.answer),
        threads=tuple(one for node in threads if (one := _thread(node, viewer))),
    )
    own = _is_ours({"author": author}, viewer)
    shared = _text(first["organisation"])
    return Standing(pull, history, tuple(_layers(first)), shared, own, run.get("externalId") or "")


def _is_ours(said: Mapping[str, Any], viewer: str) -> bool:
    """Whether our own App said this. GraphQL gives a bot's login without `[bot]` as an author, and with it as the viewer."""
    author = said["author"] or {"__typename": "User"}
    by_our_bot = author["__typename"] == "Bot" and author["login"].removesuffix("[bot]") == viewer.removesuffix("[bot]")
    return by_our_bot or bool(said.get("viewerDidAuthor"))


def _said(thread: Mapping[str, Any], viewer: str) -> Iterator[Said]:
    for comment in thread["comments"]["nodes"]:
        marker = read_marker(comment["body"]) if _is_ours(comment, viewer) else None
        if marker is not None:
            for fingerprint in marker.fingerprints:
                yield Said(fingerprint, marker.head, int(comment["fullDatabaseId"]), thread["subjectType"] == "FILE")


def _thread(node: Mapping[str, Any], viewer: str) -> Thread | None:
    """A thread that our own App began, as it stands."""
    first = next(iter(node["comments"]["nodes"]), None)
    marker = read_marker(first["body"]) if first and _is_ours(first, viewer) else None
    if first is None or marker is None:
        return None
    return Thread(
        id=node["id"],
        comment=first["id"],
        number=int(first["fullDatabaseId"]),
        path=node["path"],
        head=marker.head,
        fingerprints=marker.fingerprints,
        kin=marker.kin,
        suggestion=read_suggestion(first["body"]),
        closed=_closed(node, viewer),
        hidden=first["isMinimized"],
        outdated=node["isOutdated"],
        discussed=_is_discussed(node["latest"]["nodes"], viewer),
        may_close=node["viewerCanResolve"],
        may_reopen=node["viewerCanUnresolve"],
        dislikes=tuple(one["user"]["login"] for one in first["reactions"]["nodes"] if one["user"]),
    )


def _closed(node: Mapping[str, Any], viewer: str) -> Literal["", "us", "people"]:
    if not node["isResolved"]:
        return ""
    by = (node["resolvedBy"] or {"login": viewer})["login"]
    return "us" if by.removesuffix("[bot]") == viewer.removesuffix("[bot]") else "people"


def _is_discussed(latest: Sequence[Mapping[str, Any]], viewer: str) -> bool:
    """Whether people had the last word. Bots and commands are no part of a talk."""
    for comment in reversed(latest):
        if _is_ours(comment, viewer):
            return False
        by_person = (comment["author"] or {"__typename": "User"})["__typename"] == "User"
        if by_person and not read_commands(comment["body"]):
            return True
    return False


def _reviewed(review: Mapping[str, Any], viewer: str) -> Marker | None:
    """What a review of ours speaks of; nobody sees one that is pending."""
    return read_marker(review["body"]) if _is_ours(review, viewer) and review["state"] != "PENDING" else None


def _check_run(page: Mapping[str, Any], head: str) -> Mapping[str, Any] | None:
    for node in page["commits"]["nodes"]:
        suites = node["commit"]["checkSuites"] if node["commit"]["oid"] == head else None
        for suite in (suites or {}).get("nodes") or ():
            for run in (suite["checkRuns"] or {}).get("nodes") or ():
                # Where the suite was asked for again, its runs still say what they said, and GitHub waits for them.
                asked_again = suite["status"] in {"QUEUED", "REQUESTED"}
                return {**run, "status": "QUEUED"} if asked_again else dict(run)
    return None


def _changed_file(file: Mapping[str, Any]) -> ChangedFile:
    """A file as GitHub lists it. Where nothing was changed in it (a mere rename), GitHub leaves the patch out; here it is empty."""
    patch = file.get("patch")
    if patch is None and not file.get("changes"):
        patch = ""
    return ChangedFile(file["filename"], file["status"], file.get("sha"), file.get("previous_filename"), patch)


def _layers(page: Mapping[str, Any]) -> Iterator[Layer]:
    base = (page["baseRef"] or {}).get("target") or {}
    if (own := _text(base.get("file"))) is not None:
        yield Layer(CONFIG_PATH, own)
    elif project := _text(base.get("project")):
        yield Layer(PYPROJECT_PATH, project)


async def _private_text(app: GitHub, installation: int, owner: str) -> str | None:
    query = f"query($owner: String!) {{ {_ORGANISATION.replace('$shared', json.dumps(_SHARED))} }}"
    try:
        data = await app.installation(installation, ".github").graphql(query, owner=owner)
    except Dropped:  # the App is not installed there
        return None
    return _text(data["organisation"])


def _text(holder: Mapping[str, Any] | None) -> str | None:
    text = ((holder or {}).get("object") or {}).get("text")
    return None if text is None else str(text)


async def _tree(github: Installation, repository: str, head: str) -> _Tree:
    """The Python files of a commit. Symbolic links and submodules are none."""
    listed = await github.getitem(f"/repos/{repository}/git/trees/{head}?recursive=1")
    if listed["truncated"]:
        files = await _archive(github, repository, head)
        texts = {blob_sha(text): text for text in files.values()}
        return _Tree({path: blob_sha(text) for path, text in files.items()}, texts=texts)
    python = [entry for entry in listed["tree"] if entry["mode"] in REGULAR and entry["path"].endswith(".py")]
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
        if file.status in {"added", "copied"} or not path.endswith(".py"):
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
        data = await _objects(github, repository, named[start : start + BATCH])
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
    known = await store.facts(ref.repository_id, ENGINE_VERSION, wanted)
    missing = wanted - known.keys()
    if not missing:
        return known
    at_hand = {sha: texts[sha] for sha in missing if sha in texts}
    at_hand |= await _missing_texts(github, pull, missing - at_hand.keys())
    read = await analyst.read(at_hand)
    await store.keep_facts(ref.installation, ref.repository_id, ENGINE_VERSION, read)
    return known | read


async def _missing_texts(github: Installation, pull: PullRequest, missing: Collection[str]) -> dict[str, bytes]:
    """Blobs by SHA: a few in batches, many as an archive of the whole head."""
    repository = pull.ref.repository
    if len(missing) <= FEW:
        return await blobs(github, repository, missing)
    try:
        files = await _archive(github, repository, pull.head)
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


async def _blob_batch(github: Installation, repository: str, shas: Sequence[str]) -> dict[str, bytes]:
    """At most `BATCH` blobs in one call, and one more for each that GraphQL cannot give byte for byte."""
    try:
        found = await _objects(github, repository, [f"object(oid: {json.dumps(sha)}) {_BLOB}" for sha in shas])
    except GitHubBroken:  # too much to answer in 10 seconds
        found = [{"byteSize": 0}] * len(shas)
    texts: dict[str, bytes] = {}
    for sha, blob in zip(shas, found, strict=True):
        if not blob or blob["byteSize"] > FILE_LIMIT:  # a submodule's SHA is no blob
            continue
        text = (blob.get("text") or "").encode()
        texts[sha] = text if blob_sha(text) == sha else await _blob(github, repository, sha)
    return texts


async def _objects(github: Installation, repository: str, wanted: Sequence[str]) -> list[Any]:
    """Fields of a repository, in one call; None for what is not there."""
    owner, name = repository.split("/")
    fields = " ".join(f"f{number}: {field}" for number, field in enumerate(wanted))
    query = f"query($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ {fields} }} }}"
    data = (await github.graphql(query, owner=owner, name=name))["repository"] or {}
    return [data.get(f"f{number}") for number in range(len(wanted))]


async def _blob(github: Installation, repository: str, sha: str) -> bytes:
    blob = await github.getitem(f"/repos/{repository}/git/blobs/{sha}")
    return base64.b64decode(blob["content"])


async def _archive(github: Installation, repository: str, head: str) -> dict[str, bytes]:
    """The Python files of a commit as GitHub packs them. Raises AnalysisFailed where that is too much."""
    try:
        archive = await github.download(f"/repos/{repository}/tarball/{head}", ARCHIVE_LIMIT)
        return await asyncio.to_thread(_unpacked, archive)
    except TooLarge as error:
        raise AnalysisFailed("The repository is too large to be analysed.") from error


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """The Python files of a tar archive, in memory. Raises TooLarge, also for an archive that only pretends to be small."""
    files: dict[str, bytes] = {}
    room = TEXTS_LIMIT
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        for member in packed:
            if member.offset_data + member.size > UNPACKED_LIMIT:
                raise TooLarge("unpacked, the archive is too large")
            path = member.name.partition("/")[2]  # the first folder is named after the repository and the commit
            if member.isreg() and path.endswith(".py") and member.size <= FILE_LIMIT:
                room -= member.size
                if room < 0:
                    raise TooLarge("unpacked, the Python files are too large")
                content = packed.extractfile(member)
                files[path] = content.read() if content else b""
    return files
