"""Commits to the branch of a pull request, so that whatever breaks on the way, none is made twice.

The commit names the command that asked for it, and is looked for before it is tried again.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from gidgethub import BadRequest, GitHubBroken, QueryError

from bot.errors import RetryLater
from bot.github import Installation
from bot.models import COMMAND_TRAILER, Message
from bot.wire import passes

LOOK_AFTER = 2.0
"""Seconds after a lost answer until GitHub surely shows what it did."""
LOOKED_AT = 20
"""Commits of a branch in which ours is looked for."""
REGULAR = 0o100644

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_HISTORY = """
query($owner: String!, $name: String!, $branch: String!, $count: Int!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $branch) { target { ... on Commit { history(first: $count) { nodes { oid message } } } } }
  }
}
"""
_COMMIT = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"


class HeadMoved(Exception):  # noqa: N818 -- it is read as a sentence
    """Somebody pushed: the commit would not stand on what was looked at."""


class CommitRefused(Exception):  # noqa: N818 -- it is read as a sentence
    """GitHub does not take the commit; `reason` is what it says about that."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of a repository (`owner/name`), and the commit that it is known to point at."""

    repository: str
    name: str
    head: str


async def committed(github: Installation, branch: Branch, command: str) -> str | None:
    """The commit that this command already made on the branch."""
    owner, name = branch.repository.split("/")
    found = await github.graphql(_HISTORY, owner=owner, name=name, branch=f"refs/heads/{branch.name}", count=LOOKED_AT)
    target = ((found["repository"] or {}).get("ref") or {}).get("target") or {}
    for commit in target.get("history", {}).get("nodes") or ():
        if f"{COMMAND_TRAILER}{command}" in commit["message"].split("\n"):
            return str(commit["oid"])
    return None


async def commit(github: Installation, branch: Branch, texts: Mapping[str, bytes], message: Message) -> str:
    """Commit whole files, as one commit that GitHub signs. Returns its SHA.

    Raises:
        HeadMoved: the branch is not what it was.
        CommitRefused: GitHub does not take it.
        RetryLater: GitHub does not answer.
    """
    try:
        return await _commit(github, branch, texts, message)
    except GitHubBroken:
        await asyncio.sleep(LOOK_AFTER)
        if done := await committed(github, branch, message.command):
            return done
    try:
        return await _commit(github, branch, texts, message)
    except GitHubBroken as error:
        raise RetryLater(60, f"GitHub does not take the commit: {error}") from error


async def _commit(github: Installation, branch: Branch, texts: Mapping[str, bytes], message: Message) -> str:
    modes = await _modes(github, branch, list(texts))
    try:
        if set(modes.values()) == {REGULAR}:
            return await _by_mutation(github, branch, texts, message)
        return await _by_objects(github, branch, texts, message, modes)
    except QueryError as error:
        if passes(error):  # it ran out of its time, and the commit may be there all the same
            raise GitHubBroken(HTTPStatus.BAD_GATEWAY, str(error)) from error
        raise _refusal((error.response.get("errors") or [{}])[0]) from error
    except BadRequest as error:
        if error.status_code not in {403, 404, 409, 422}:
            raise
        raise HeadMoved if "fast forward" in str(error) else CommitRefused(str(error)) from error


def _refusal(error: Mapping[str, Any]) -> Exception:
    said = str(error.get("message", ""))
    if error.get("type") == "STALE_DATA" or "expected branch to point to" in said.lower():
        return HeadMoved()
    return CommitRefused(said)


async def _modes(github: Installation, branch: Branch, paths: Sequence[str]) -> dict[str, int]:
    """The file modes at the head."""
    owner, name = branch.repository.split("/")
    declared = "".join(f", $p{number}: String!" for number in range(len(paths)))
    fields = " ".join(f"f{number}: file(path: $p{number}) {{ mode }}" for number in range(len(paths)))
    query = (
        f"query($owner: String!, $name: String!, $head: GitObjectID!{declared}) {{"
        f" repository(owner: $owner, name: $name) {{ object(oid: $head) {{ ... on Commit {{ {fields} }} }} }} }}"
    )
    variables = {f"p{number}": path for number, path in enumerate(paths)}
    found = await github.graphql(query, owner=owner, name=name, head=branch.head, **variables)
    entries = (found["repository"] or {}).get("object") or {}
    return {path: (entries.get(f"f{number}") or {"mode": REGULAR})["mode"] for number, path in enumerate(paths)}


async def _by_mutation(github: Installation, branch: Branch, texts: Mapping[str, bytes], message: Message) -> str:
    """https://docs.github.com/graphql/reference/mutations#createcommitonbranch: in one call, but for plain files only."""
    wanted = {
        "branch": {"repositoryNameWithOwner": branch.repository, "branchName": branch.name},
        "expectedHeadOid": branch.head,
        "message": {"headline": message.headline, "body": message.rest},
        "fileChanges": {
            "additions": [
                {"path": path, "contents": base64.b64encode(text).decode()} for path, text in sorted(texts.items())
            ]
        },
    }
    done = await github.graphql(_COMMIT, input=wanted)
    return str(done["createCommitOnBranch"]["commit"]["oid"])


async def _by_objects(
    github: Installation, branch: Branch, texts: Mapping[str, bytes], message: Message, modes: Mapping[str, int]
) -> str:
    """https://docs.github.com/rest/git: keeps modes. Signed by GitHub, since no author is given."""
    url = f"/repos/{branch.repository}/git"
    head = await github.getitem(f"{url}/commits/{branch.head}")
    entries = []
    for path, text in sorted(texts.items()):
        content = base64.b64encode(text).decode()
        blob = await github.post(f"{url}/blobs", data={"content": content, "encoding": "base64"})
        entries.append({"path": path, "mode": f"{modes[path]:06o}", "type": "blob", "sha": blob["sha"]})
    tree = await github.post(f"{url}/trees", data={"base_tree": head["tree"]["sha"], "tree": entries})
    said = f"{message.headline}\n\n{message.rest}"
    made = await github.post(f"{url}/commits", data={"message": said, "tree": tree["sha"], "parents": [branch.head]})
    await github.patch(f"{url}/refs/heads/{quote(branch.name)}", data={"sha": made["sha"], "force": False})
    return str(made["sha"])
