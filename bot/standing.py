"""How a pull request stands, and which configuration is in force.

What GitHub knows of it comes in one call, where a page of reviews and threads is enough.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cachetools import TTLCache

from bot.asking import NotThere, eventually
from bot.commands import read_commands
from bot.config import CONFIG_PATH, PYPROJECT_PATH, Layer
from bot.errors import Dropped
from bot.github import GitHub, Installation
from bot.markers import Marker, read_marker, read_suggestion
from bot.models import History, PullRef, PullRequest, Said, Thread

CHECK_NAME = "asyncify"
PAGES = 20
PRIVATE_FOR = 600.0
"""Seconds for which an organisation's private configuration is remembered."""

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


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pull request stands right now.

    `layers` holds the configuration file of the base branch, `shared` the text of the organisation's, if this
    repository's token can see it. `own` is true where our own App opened it. `mark` is the `external_id` of our check
    run on its head. `me` is the login of our App's bot, without `[bot]`.
    """

    pull: PullRequest
    history: History
    layers: tuple[Layer, ...] = ()
    shared: str | None = None
    own: bool = False
    mark: str = ""
    me: str = ""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What repositories inherit from files outside of them: the operator's, and those in private `.github` repositories.

    `private` remembers the latter for some minutes, by installation and by the number of its latest change.
    """

    operator: tuple[Layer, ...] = ()
    private: TTLCache[tuple[int, int], str | None] = field(default_factory=lambda: TTLCache(4096, PRIVATE_FOR))


async def standing(github: Installation, ref: PullRef) -> Standing:
    """The pull request and what our own App said in it. Only what our App wrote itself is believed.

    Raises:
        Dropped: there is no such pull request.
    """
    pages = [await eventually(lambda: _standing_page(github, ref, None, None))]
    after: tuple[str | None, str | None] = (None, None)
    while (more := _next_page(pages[-1], after)) and len(pages) < PAGES:
        after = more
        pages.append(await _standing_page(github, ref, *after))
    return _standing(ref, pages)


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
        raise NotThere(f"{ref.repository}#{ref.number}")
    return {**pull, "viewer": data["viewer"]["login"], "organisation": data["organisation"]}


def _next_page(page: Mapping[str, Any], after: tuple[str | None, str | None]) -> tuple[str | None, str | None] | None:
    """Where the next page of reviews and threads begins, None where this was the last. `after` is where this one began.

    Behind the last one there is no cursor, and without one GitHub begins anew.
    """
    reviews, threads = page["reviews"]["pageInfo"], page["reviewThreads"]["pageInfo"]
    if not (reviews["hasNextPage"] or threads["hasNextPage"]):
        return None
    return reviews["endCursor"] or after[0], threads["endCursor"] or after[1]


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
    mark = run.get("externalId") or ""
    return Standing(pull, history, tuple(_layers(first)), shared, own, mark, viewer.removesuffix("[bot]"))


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
        kept=_is_discussed(node["latest"]["nodes"], viewer),
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
