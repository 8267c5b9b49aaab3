"""The GraphQL API: queries and mutations checked against GitHub's public schema and resolved from what there is.

`schema.graphql` holds the part of https://docs.github.com/graphql/overview/public-schema that is served.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute,
    parse,
    validate,
)

from . import answers
from .accounts import Account
from .checks import CheckRun
from .diffs import FileDiff, is_binary
from .objects import DIRECTORY, SUBMODULE, Commit, Entry
from .pulls import IssueComment, PullRequest, Reaction, Review, ReviewComment, Said, Thread
from .repositories import Repository
from .server import Reply, Request, route
from .tokens import App

MAX_PAGE = 100
MAX_TEXT = 512_000
"""Bytes of a blob's text that are told; it is truncated there."""
FORBIDDEN = "Resource not accessible by integration"


class Refused(Exception):  # noqa: N818 -- reads as what happened
    """An error as GitHub's GraphQL tells it: a `kind` and a sentence. `fault` marks what no good client asks."""

    def __init__(self, kind: str, message: str, *, fault: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.fault = fault


@dataclass(frozen=True, slots=True)
class GitObject:
    """A git object as seen through a repository."""

    repository: Repository
    sha: str


class BlobObject(GitObject):
    @property
    def content(self) -> bytes:
        return self.repository.objects.blobs[self.sha]


class TreeObject(GitObject):
    pass


class CommitObject(GitObject):
    @property
    def commit(self) -> Commit:
        return self.repository.objects.commits[self.sha]


@dataclass(frozen=True, slots=True)
class Ref:
    repository: Repository
    name: str


@dataclass(frozen=True, slots=True)
class TreeEntry:
    repository: Repository
    path: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class CheckSuite:
    repository: Repository
    sha: str
    runs: Sequence[CheckRun]


@dataclass(frozen=True, slots=True)
class Connection:
    """A page of a list, with the position of its first item."""

    nodes: Sequence[Any]
    total: int
    start: int


Resolver = Callable[..., Any]
RESOLVERS: dict[str, dict[str, Resolver]] = {}
TYPES: dict[type, str] = {
    Repository: "Repository",
    PullRequest: "PullRequest",
    Review: "PullRequestReview",
    Thread: "PullRequestReviewThread",
    ReviewComment: "PullRequestReviewComment",
    IssueComment: "IssueComment",
    CheckRun: "CheckRun",
    CheckSuite: "CheckSuite",
    BlobObject: "Blob",
    TreeObject: "Tree",
    CommitObject: "Commit",
    Ref: "Ref",
    App: "App",
}


def field(type_name: str, name: str) -> Callable[[Resolver], Resolver]:
    """Registers the resolver of a field that needs the request or arguments: it gets the object, the request, the arguments."""

    def register(resolver: Resolver) -> Resolver:
        RESOLVERS.setdefault(type_name, {})[name] = resolver
        return resolver

    return register


def fields(type_name: str, **plain: Callable[[Any], Any]) -> None:
    """Registers fields that follow from the object alone."""
    for name, tell in plain.items():
        RESOLVERS.setdefault(type_name, {})[name] = lambda found, _request, tell=tell, **_arguments: tell(found)


@cache
def schema() -> GraphQLSchema:
    """The schema with a resolver for every field."""
    built = build_schema((Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8"))
    for name, kind in built.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLInterfaceType):
            kind.resolve_type = _type_name
        elif isinstance(kind, GraphQLObjectType):
            for key, each in kind.fields.items():
                each.resolve = _resolve(name, key, each)
    vars(built.type_map["BigInt"])["serialize"] = str
    vars(built.type_map["GitObjectID"])["parse_value"] = _object_id
    return built


def _resolve(type_name: str, name: str, each: GraphQLField) -> Resolver:
    resolver = _connection_part(name) if type_name.endswith("Connection") else RESOLVERS[type_name][name]
    paged = "first" in each.args

    def resolve(found: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        result = resolver(found, info.context, **arguments)
        return _page(result, name, arguments) if paged and result is not None else result

    return resolve


def _connection_part(name: str) -> Resolver:
    return {
        "nodes": lambda found, _request: found.nodes,
        "totalCount": lambda found, _request: found.total,
        "pageInfo": lambda found, _request: found,
        "viewerHasReacted": lambda found, request: any(one.author == request.github.app.bot for one in found.nodes),
    }[name]


def _object_id(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{40}", value):
        raise GraphQLError(f"{value!r} is not a Git object ID.")
    return value


def _type_name(found: Any, *_: Any) -> str:
    return found.kind if isinstance(found, Account) else TYPES[type(found)]


def _page(items: Sequence[Any], name: str, arguments: Mapping[str, Any]) -> Connection:
    """The page that `first`/`after` or `last`/`before` mean; without either, GitHub refuses."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        message = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        raise Refused("MISSING_PAGINATION_BOUNDARIES", message, fault=True)
    if not 1 <= (first or last or 0) <= MAX_PAGE:
        message = f"Requesting {first or last} records on the `{name}` connection exceeds the `first` limit of {MAX_PAGE} records."
        raise Refused("EXCESSIVE_PAGINATION", message, fault=True)
    start = _position(arguments.get("after")) + 1 if arguments.get("after") else 0
    end = _position(arguments.get("before")) if arguments.get("before") else len(items)
    if first is not None:
        end = min(end, start + first)
    elif last is not None:
        start = max(start, end - last)
    return Connection(items[start:end], len(items), start)


def _position(cursor: str | None) -> int:
    try:
        return int(base64.b64decode(cursor or "").decode().removeprefix("cursor:"))
    except (ValueError, binascii.Error):
        raise Refused(
            "INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.", fault=True
        ) from None


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:{position}".encode()).decode()


# The request


@route("POST", "/graphql")
def post(request: Request) -> Reply:
    """Parses, validates, executes. What GitHub would not understand is a refusal."""
    query, variables = request.body.get("query"), request.body.get("variables") or {}
    if not isinstance(query, str):
        request.github.refusals.append("POST /graphql: no query")
        return Reply({"message": "A query attribute must be specified and must be a string."}, 400)
    document = _valid(request, query)
    if isinstance(document, Reply):
        return document
    result = execute(
        schema(),
        document,
        context_value=request,
        variable_values=variables,
        operation_name=request.body.get("operationName"),
    )
    assert isinstance(result, ExecutionResult)
    return _told(request, result)


def _valid(request: Request, query: str) -> DocumentNode | Reply:
    document, problems = _checked(query)
    if document is not None and not problems:
        return document
    request.github.refusals += [f"POST /graphql: {problem.message}" for problem in problems]
    return Reply({"errors": [problem.formatted for problem in problems]})


@lru_cache(64)
def _checked(query: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
    """The query, and what is wrong with it. To find that out takes longer than to execute it."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return None, [error]
    return document, validate(schema(), document)


def _told(request: Request, result: ExecutionResult) -> Reply:
    errors = []
    for error in result.errors or []:
        told: dict[str, Any] = dict(error.formatted)
        cause = error.original_error
        if isinstance(cause, Refused):
            told["type"] = cause.kind
        if not isinstance(cause, Refused) or cause.fault:
            request.github.refusals.append(f"POST /graphql: {error.message}")
        errors.append(told)
    answer: dict[str, Any] = {"data": result.data}
    return Reply(answer | ({"errors": errors} if errors else {}))


def _may(request: Request, repository: Repository, permission: str, level: str) -> bool:
    token = request.token
    if token is None:
        return False
    if not token.covers(repository):
        return level == "read" and not repository.private
    return token.allows(permission, level)


def _require(request: Request, repository: Repository, permission: str, level: str = "read") -> None:
    if not _may(request, repository, permission, level):
        raise Refused("FORBIDDEN", FORBIDDEN)


# Queries


@field("Query", "repository")
def _repository(_: None, request: Request, owner: str, name: str, **_rest: Any) -> Repository:
    full_name = f"{owner}/{name}".lower()
    found = request.github.repositories.get(full_name) or request.github.moved.get(full_name)
    if found is None or not _may(request, found, "metadata", "read"):
        raise Refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
    return found


@field("Query", "node")
def _node(_: None, request: Request, id: str) -> Any:  # noqa: A002 -- the argument's name in the schema
    found = request.github.nodes.get(id)
    if found is None:
        found = next((each for each in request.github.repositories.values() if each.node_id == id), None)
    if found is None:
        raise Refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'.")
    return found


@field("Query", "nodes")
def _nodes(_: None, request: Request, ids: Sequence[str]) -> list[Any]:
    return [_node(None, request, each) for each in ids]


@field("Query", "viewer")
def _viewer(_: None, request: Request) -> Account:
    return request.github.app.bot


@field("Query", "rateLimit")
def _rate_limit(_: None, request: Request, **_arguments: Any) -> Any:
    return request.github


fields("Query", id=lambda _found: "QUERY")
fields(
    "RateLimit",
    cost=lambda _github: 1,
    limit=lambda _github: 5000,
    nodeCount=lambda _github: 0,
    remaining=lambda github: 5000 - github.count("POST /graphql"),
    resetAt=lambda github: answers.moment(github.now()),
    used=lambda github: github.count("POST /graphql"),
)
fields(
    "PageInfo",
    endCursor=lambda page: _cursor(page.start + len(page.nodes) - 1) if page.nodes else None,
    startCursor=lambda page: _cursor(page.start) if page.nodes else None,
    hasNextPage=lambda page: page.start + len(page.nodes) < page.total,
    hasPreviousPage=lambda page: page.start > 0,
)
fields(
    "Repository",
    id=lambda repo: repo.node_id,
    databaseId=lambda repo: repo.id,
    name=lambda repo: repo.name,
    nameWithOwner=lambda repo: repo.full_name,
    owner=lambda repo: repo.owner,
    isFork=lambda repo: repo.parent is not None,
    isPrivate=lambda repo: repo.private,
    isArchived=lambda repo: repo.archived,
    defaultBranchRef=lambda repo: Ref(repo, repo.default_branch),
    url=answers.page_of,
)


@field("Repository", "pullRequest")
def _pull(repo: Repository, request: Request, number: int) -> PullRequest:
    _require(request, repo, "pull_requests")
    if number not in repo.pulls:
        raise Refused("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
    return repo.pulls[number]


@field("Repository", "ref")
def _ref(repo: Repository, request: Request, qualifiedName: str) -> Ref | None:  # noqa: N803 -- GitHub's name
    _require(request, repo, "contents")
    name = qualifiedName.removeprefix("refs/heads/")
    return Ref(repo, name) if name in repo.branches else None


@field("Repository", "object")
def _object(repo: Repository, request: Request, oid: str | None = None, expression: str | None = None) -> Any:
    _require(request, repo, "contents")
    if oid is not None:
        return _by_sha(repo, oid)
    ref, colon, path = (expression or "").partition(":")
    sha = repo.resolve(ref)
    if not colon:
        return CommitObject(repo, sha) if sha else _by_sha(repo, ref)
    entry = repo.objects.at(repo.objects.commits[sha].tree, path) if sha else None
    return _of_entry(repo, entry) if entry else None


def _by_sha(repo: Repository, sha: str) -> GitObject | None:
    if sha in repo.objects.blobs:
        return BlobObject(repo, sha)
    if sha in repo.objects.trees:
        return TreeObject(repo, sha)
    return CommitObject(repo, sha) if sha in repo.objects.commits else None


def _of_entry(repo: Repository, entry: Entry) -> GitObject | None:
    if entry.mode == SUBMODULE:
        return None
    return TreeObject(repo, entry.sha) if entry.mode == DIRECTORY else BlobObject(repo, entry.sha)


for _kind in ("Blob", "Tree", "Commit"):
    fields(
        _kind,
        id=lambda found: f"{TYPES[type(found)][0]}_{found.repository.id}_{found.sha}",
        oid=lambda found: found.sha,
        abbreviatedOid=lambda found: found.sha[:7],
        repository=lambda found: found.repository,
    )
fields(
    "Blob",
    byteSize=lambda blob: len(blob.content),
    isBinary=lambda blob: is_binary(blob.content),
    isTruncated=lambda blob: len(blob.content) > MAX_TEXT,
    text=lambda blob: None if is_binary(blob.content) else blob.content[:MAX_TEXT].decode(errors="replace"),
)
fields(
    "Tree",
    entries=lambda tree: [
        TreeEntry(tree.repository, name, entry) for name, entry in tree.repository.objects.trees[tree.sha].items()
    ],
)
fields(
    "TreeEntry",
    name=lambda found: found.path.rpartition("/")[2],
    path=lambda found: found.path,
    mode=lambda found: int(found.entry.mode, 8),
    type=lambda found: found.entry.kind,
    oid=lambda found: found.entry.sha,
    object=lambda found: _of_entry(found.repository, found.entry),
    size=lambda found: len(found.repository.objects.blobs.get(found.entry.sha, b"")),
)
fields(
    "Commit",
    message=lambda found: found.commit.message,
    committedDate=lambda found: answers.moment(found.repository.github.moment_of(found.commit.when)),
    parents=lambda found: [CommitObject(found.repository, sha) for sha in found.commit.parents],
    tree=lambda found: TreeObject(found.repository, found.commit.tree),
    additions=lambda _found: 0,
    deletions=lambda _found: 0,
    url=lambda found: f"{answers.page_of(found.repository)}/commit/{found.sha}",
)
fields(
    "Ref",
    id=lambda ref: f"REF_{ref.repository.id}_{ref.name}",
    name=lambda ref: ref.name,
    prefix=lambda _ref: "refs/heads/",
    target=lambda ref: CommitObject(ref.repository, ref.repository.branches[ref.name]),
    repository=lambda ref: ref.repository,
)


@field("Commit", "history")
def _history(found: CommitObject, _request: Request, **_arguments: Any) -> list[CommitObject]:
    return [CommitObject(found.repository, sha) for sha in found.repository.objects.ancestors(found.sha)]


@field("Commit", "file")
def _file(found: CommitObject, _request: Request, path: str) -> TreeEntry | None:
    entry = found.repository.objects.at(found.commit.tree, path)
    return TreeEntry(found.repository, path, entry) if entry else None


@field("Commit", "checkSuites")
def _check_suites(
    found: CommitObject,
    request: Request,
    filterBy: Mapping[str, Any] | None = None,  # noqa: N803 -- GitHub's name
    **_arguments: Any,
) -> list[CheckSuite]:
    _require(request, found.repository, "checks")
    chosen = filterBy or {}
    runs = found.repository.check_runs_at(found.sha)
    if chosen.get("appId") not in {None, request.github.app.id} or not runs:
        return []
    name = chosen.get("checkName")
    return [CheckSuite(found.repository, found.sha, runs)] if name in {None, *(run.name for run in runs)} else []


def _suite_status(suite: CheckSuite) -> str:
    """Queued from when it is asked for again until a run of it is written."""
    if suite.sha in suite.repository.rerequested:
        return "QUEUED"
    return "COMPLETED" if all(run.status == "completed" for run in suite.runs) else "IN_PROGRESS"


@field("CheckSuite", "checkRuns")
def _check_runs(
    suite: CheckSuite,
    _request: Request,
    filterBy: Mapping[str, Any] | None = None,  # noqa: N803 -- GitHub's name
    **_arguments: Any,
) -> list[CheckRun]:
    chosen = filterBy or {}
    runs = [run for run in suite.runs if chosen.get("checkName") in {None, run.name}]
    if status := chosen.get("status"):
        runs = [run for run in runs if run.status.upper() == status]
    if chosen.get("checkType") == "ALL":
        return runs
    return list({run.name: run for run in runs}.values())


fields(
    "CheckSuite",
    status=_suite_status,
    id=lambda suite: f"CS_{suite.repository.id}_{suite.sha}",
    databaseId=lambda suite: answers.check_suite_id(suite.repository, suite.sha) % 2**31,
    app=lambda suite: suite.repository.github.app,
    commit=lambda suite: CommitObject(suite.repository, suite.sha),
)
fields(
    "App",
    id=lambda app: app.node_id,
    databaseId=lambda app: app.id,
    slug=lambda app: app.slug,
    name=lambda app: app.name,
)
fields(
    "CheckRun",
    id=lambda run: run.node_id,
    databaseId=lambda run: run.id,
    name=lambda run: run.name,
    status=lambda run: run.status.upper(),
    conclusion=lambda run: run.conclusion and run.conclusion.upper(),
    externalId=lambda run: run.external_id,
    title=lambda run: run.title,
    summary=lambda run: run.summary,
    text=lambda run: run.text,
    startedAt=lambda run: answers.moment(run.started_at),
    completedAt=lambda run: answers.moment(run.completed_at) if run.completed_at else None,
    url=lambda run: f"{answers.page_of(run.repository)}/runs/{run.id}",
)


# Pull requests


fields(
    "PullRequest",
    id=lambda pull: pull.node_id,
    databaseId=lambda pull: pull.id,
    fullDatabaseId=lambda pull: pull.id,
    number=lambda pull: pull.number,
    title=lambda pull: pull.title,
    body=lambda pull: pull.body or "",
    url=lambda pull: f"{answers.page_of(pull.repository)}/pull/{pull.number}",
    state=lambda pull: "MERGED" if pull.merged else pull.state.upper(),
    isDraft=lambda pull: pull.draft,
    closed=lambda pull: pull.state == "closed",
    merged=lambda pull: pull.merged,
    locked=lambda pull: pull.locked,
    author=lambda pull: pull.author,
    headRefOid=lambda pull: pull.head,
    headRefName=lambda pull: pull.head_ref,
    headRef=lambda pull: (
        Ref(pull.head_repository, pull.head_ref)
        if not pull.head_repository.deleted and pull.head_ref in pull.head_repository.branches
        else None
    ),
    headRepository=lambda pull: None if pull.head_repository.deleted else pull.head_repository,
    headRepositoryOwner=lambda pull: pull.head_repository.owner,
    baseRefOid=lambda pull: pull.base,
    baseRefName=lambda pull: pull.base_ref,
    baseRef=lambda pull: Ref(pull.repository, pull.base_ref) if pull.base_ref in pull.repository.branches else None,
    baseRepository=lambda pull: pull.repository,
    isCrossRepository=lambda pull: pull.from_fork,
    maintainerCanModify=lambda pull: pull.maintainer_can_modify,
    files=lambda pull: pull.files,
    changedFiles=lambda pull: len(pull.files),
    additions=lambda pull: sum(diff.additions for diff in pull.files),
    deletions=lambda pull: sum(diff.deletions for diff in pull.files),
    reviewThreads=lambda pull: pull.threads,
    comments=lambda pull: pull.issue_comments,
    commits=lambda pull: [CommitObject(pull.repository, sha) for sha in pull.commits],
    createdAt=lambda pull: answers.moment(pull.created_at),
    updatedAt=lambda pull: answers.moment(pull.github.now()),
    repository=lambda pull: pull.repository,
    isInMergeQueue=lambda pull: pull.queued,
)
fields("PullRequestCommit", id=lambda found: f"PRC_{found.sha}", commit=lambda found: found)


@field("PullRequest", "reviews")
def _reviews(
    pull: PullRequest,
    _request: Request,
    author: str | None = None,
    states: Sequence[str] | None = None,
    **_arguments: Any,
) -> list[Review]:
    found = pull.reviews if states is None else [review for review in pull.reviews if review.state in states]
    return [review for review in found if author in {None, _login(review.author)}]


def _login(who: Account) -> str:
    """GraphQL names bots without the ``[bot]`` that REST puts behind."""
    return who.login.removesuffix("[bot]")


def _change_type(diff: FileDiff) -> str:
    return {"removed": "DELETED"}.get(diff.status, diff.status.upper())


fields(
    "PullRequestChangedFile",
    path=lambda diff: diff.path,
    additions=lambda diff: diff.additions,
    deletions=lambda diff: diff.deletions,
    changeType=_change_type,
)


@field("PullRequestReview", "viewerDidAuthor")
@field("PullRequestReviewComment", "viewerDidAuthor")
@field("IssueComment", "viewerDidAuthor")
def _viewer_did_author(said: Said, request: Request) -> bool:
    return said.author == request.github.app.bot


REACTIONS = {"THUMBS_UP": "+1", "THUMBS_DOWN": "-1"}


@field("PullRequestReviewComment", "reactions")
@field("IssueComment", "reactions")
def _reactions(said: Said, _request: Request, content: str | None = None, **_arguments: Any) -> list[Reaction]:
    wanted = None if content is None else REACTIONS.get(content, content.lower())
    return [each for each in said.reactions if wanted in {None, each.content}]


_NAMES = {content: name for name, content in REACTIONS.items()}
fields(
    "Reaction",
    id=lambda found: found.node_id,
    content=lambda found: _NAMES.get(found.content, found.content.upper()),
    createdAt=lambda found: answers.moment(found.created_at),
    user=lambda found: found.author if found.author.kind == "User" else None,
)


for _kind in ("PullRequestReview", "PullRequestReviewComment", "IssueComment"):
    fields(
        _kind,
        id=lambda said: said.node_id,
        databaseId=lambda said: said.id,
        fullDatabaseId=lambda said: said.id,
        author=lambda said: said.author,
        body=lambda said: said.body,
        createdAt=lambda said: answers.moment(said.created_at),
        isMinimized=lambda said: said.minimized is not None,
        minimizedReason=lambda said: said.minimized and said.minimized.lower().replace("_", "-"),
        url=lambda said: f"{answers.page_of(said.pull.repository)}/pull/{said.pull.number}#{said.id}",
    )
fields(
    "PullRequestReview",
    state=lambda review: review.state,
    commit=lambda review: CommitObject(review.pull.repository, review.commit_id),
    submittedAt=lambda review: None if review.state == "PENDING" else answers.moment(review.created_at),
    comments=lambda review: review.comments,
)


def _line(comment: ReviewComment) -> int | None:
    """Of a comment on a whole file GitHub says line 1."""
    if comment.subject == "file":
        return 1
    lines = comment.lines
    return lines[-1] if lines else None


def _start_line(comment: ReviewComment) -> int | None:
    lines = comment.lines
    return lines[0] if lines and comment.start_line else None


fields(
    "PullRequestReviewComment",
    path=lambda comment: comment.path,
    line=_line,
    startLine=_start_line,
    originalLine=lambda comment: comment.line,
    originalStartLine=lambda comment: comment.start_line,
    commit=lambda comment: CommitObject(
        comment.pull.repository, comment.original_commit if comment.outdated else comment.pull.head
    ),
    originalCommit=lambda comment: CommitObject(comment.pull.repository, comment.original_commit),
    outdated=lambda comment: comment.outdated,
    pullRequestReview=lambda comment: comment.review,
    replyTo=lambda comment: comment.in_reply_to,
    subjectType=lambda comment: comment.subject.upper(),
    diffHunk=lambda comment: comment.diff_hunk,
)


fields(
    "PullRequestReviewThread",
    id=lambda thread: thread.node_id,
    isResolved=lambda thread: thread.resolved,
    isOutdated=lambda thread: thread.outdated,
    isCollapsed=lambda thread: thread.resolved or thread.outdated,
    path=lambda thread: thread.first.path,
    line=lambda thread: _line(thread.first),
    startLine=lambda thread: _start_line(thread.first),
    originalLine=lambda thread: thread.first.line,
    originalStartLine=lambda thread: thread.first.start_line,
    diffSide=lambda thread: thread.first.side,
    startDiffSide=lambda thread: thread.first.start_side,
    subjectType=lambda thread: thread.first.subject.upper(),
    viewerCanReply=lambda _thread: True,
    comments=lambda thread: thread.comments,
)


@field("PullRequestReviewThread", "resolvedBy")
def _resolved_by(thread: Thread, request: Request) -> Account | None:
    who = thread.resolved_by
    return who if who is None or who.kind == "User" or request.github.names_resolving_bots else None


def _may_resolve(thread: Thread, request: Request) -> bool:
    """It takes more than GitHub's documentation says: https://github.com/orgs/community/discussions/44650"""
    repository = thread.pull.repository
    return _may(request, repository, "contents", "write") and _may(request, repository, "pull_requests", "write")


@field("PullRequestReviewThread", "viewerCanResolve")
def _can_resolve(thread: Thread, request: Request) -> bool:
    return _may_resolve(thread, request) and not thread.resolved


@field("PullRequestReviewThread", "viewerCanUnresolve")
def _can_unresolve(thread: Thread, request: Request) -> bool:
    return _may_resolve(thread, request) and thread.resolved


for _kind in ("User", "Bot", "Organization"):
    fields(
        _kind,
        id=lambda who: who.node_id,
        databaseId=lambda who: who.id,
        login=(_login) if _kind == "Bot" else (lambda who: who.login),
    )


# Mutations


def _thread(request: Request, node_id: str) -> Thread:
    thread = _node(None, request, node_id)
    if not isinstance(thread, Thread):
        raise Refused("NOT_FOUND", f"Could not resolve to a PullRequestReviewThread with the global id of '{node_id}'.")
    if not _may_resolve(thread, request):
        raise Refused("FORBIDDEN", FORBIDDEN)
    return thread


@field("Mutation", "resolveReviewThread")
def _resolve_thread(_: None, request: Request, input: Mapping[str, Any]) -> Any:  # noqa: A002 -- GitHub's name
    thread = _thread(request, input["threadId"])
    thread.resolved_by = thread.resolved_by or request.github.app.bot
    return thread, input


@field("Mutation", "unresolveReviewThread")
def _unresolve_thread(_: None, request: Request, input: Mapping[str, Any]) -> Any:  # noqa: A002 -- GitHub's name
    thread = _thread(request, input["threadId"])
    thread.resolved_by = None
    return thread, input


def _minimizable(request: Request, node_id: str) -> Said:
    said = _node(None, request, node_id)
    if not isinstance(said, Said):
        raise Refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{node_id}'.")
    _require(request, said.pull.repository, "pull_requests", "write")
    return said


@field("Mutation", "minimizeComment")
def _minimize(_: None, request: Request, input: Mapping[str, Any]) -> Any:  # noqa: A002 -- GitHub's name
    said = _minimizable(request, input["subjectId"])
    said.minimized = input["classifier"]
    return said, input


@field("Mutation", "unminimizeComment")
def _unminimize(_: None, request: Request, input: Mapping[str, Any]) -> Any:  # noqa: A002 -- GitHub's name
    said = _minimizable(request, input["subjectId"])
    said.minimized = None
    return said, input


for _kind, _name in (
    ("ResolveReviewThreadPayload", "thread"),
    ("UnresolveReviewThreadPayload", "thread"),
    ("MinimizeCommentPayload", "minimizedComment"),
    ("UnminimizeCommentPayload", "unminimizedComment"),
    ("CreateCommitOnBranchPayload", "commit"),
):
    fields(_kind, **{_name: lambda done: done[0], "clientMutationId": lambda done: done[1].get("clientMutationId")})


def _branch(request: Request, branch: Mapping[str, Any]) -> Ref:
    full_name, name = branch.get("repositoryNameWithOwner"), branch.get("branchName")
    if branch.get("id"):
        for repo in request.github.repositories.values():
            for each in repo.branches:
                if f"REF_{repo.id}_{each}" == branch["id"]:
                    return Ref(repo, each)
        raise Refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{branch['id']}'.")
    if not full_name or not name:
        raise Refused("UNPROCESSABLE", "A branch must be named by its ID or by repository and name.", fault=True)
    found = request.github.repositories.get(full_name.lower())
    if found is None or not _may(request, found, "metadata", "read"):
        raise Refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
    _require(request, found, "contents", "write")
    name = name.removeprefix("refs/heads/")
    if name not in found.branches:
        raise Refused("NOT_FOUND", f'Branch "{name}" not found in {full_name}')
    return Ref(found, name)


@field("Mutation", "createCommitOnBranch")
def _create_commit(_: None, request: Request, input: Mapping[str, Any]) -> Any:  # noqa: A002 -- GitHub's name
    """Every file that it writes becomes a regular one: there is no way to say a mode."""
    ref = _branch(request, input["branch"])
    repo = ref.repository
    _require(request, repo, "contents", "write")
    if ref.name in repo.protected:
        message = f"Repository rule violations found\n\n{repo.protected[ref.name]}\n\n"
        raise Refused("UNPROCESSABLE", message)
    expected = input["expectedHeadOid"]
    if repo.branches[ref.name] != expected:
        raise Refused("STALE_DATA", f'Expected branch to point to "{expected}" but it did not.  Pull and try again.')
    changes = _file_changes(input.get("fileChanges") or {}, repo.entries(expected))
    message = input["message"]["headline"] + (f"\n\n{input['message']['body']}" if input["message"].get("body") else "")
    bot = request.github.app.bot
    sha = repo.write(changes, parent=expected, message=message, author=bot, keep_modes=False)
    repo.move_branch(ref.name, sha)
    return CommitObject(repo, sha), input, ref


RESOLVERS["CreateCommitOnBranchPayload"]["ref"] = lambda done, _request: done[2]


def _file_changes(changes: Mapping[str, Any], present: Mapping[str, Entry]) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for deletion in changes.get("deletions") or []:
        if deletion["path"] not in present:
            raise Refused(
                "UNPROCESSABLE", f"A path was requested for deletion which does not exist: {deletion['path']}"
            )
        found[deletion["path"]] = None
    for addition in changes.get("additions") or []:
        try:
            found[addition["path"]] = base64.b64decode(addition["contents"], validate=True)
        except binascii.Error:
            raise Refused("UNPROCESSABLE", "The contents of a file are not valid Base64.", fault=True) from None
    if any(path.startswith(".github/workflows/") for path in found):
        message = "refusing to allow a GitHub App to create or update workflow without `workflows` permission"
        raise Refused("FORBIDDEN", message)
    return found
