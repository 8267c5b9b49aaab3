"""Webhooks: what GitHub tells the App, and its log of deliveries.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import answers
from .checks import CheckRun
from .pulls import IssueComment, PullRequest, ReviewComment, Thread

if TYPE_CHECKING:
    from .github import FakeGitHub
    from .repositories import Repository
    from .tokens import Installation

Payload = dict[str, Any]


@dataclass(slots=True)
class Delivery:
    """One attempt to tell the App something. A redelivery has the `guid` of the first attempt."""

    id: int
    guid: str
    event: str
    payload: Payload
    headers: Mapping[str, str]
    delivered_at: datetime
    status: str
    status_code: int
    redelivery: bool = False

    def summary(self) -> Payload:
        return {
            "id": self.id,
            "guid": self.guid,
            "delivered_at": answers.moment(self.delivered_at),
            "redelivery": self.redelivery,
            "duration": 0.1,
            "status": self.status,
            "status_code": self.status_code,
            "event": self.event,
            "action": self.payload.get("action"),
            "installation_id": self.payload.get("installation", {}).get("id"),
            "repository_id": self.payload.get("repository", {}).get("id"),
            "throttled_at": None,
        }

    def whole(self) -> Payload:
        request = {"headers": dict(self.headers), "payload": self.payload}
        return {**self.summary(), "request": request, "response": {"headers": {}, "payload": ""}}


def encode(payload: Payload) -> bytes:
    """The body as it is sent and signed."""
    return json.dumps(payload, separators=(",", ":")).encode()


def sign(
    body: bytes, secret: str, *, event: str = "pull_request", guid: str | None = None, app_id: int = 1
) -> dict[str, str]:
    """The headers of a delivery, signatures included."""
    return {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/fa4e000",
        "x-github-event": event,
        "x-github-delivery": guid or str(uuid.uuid4()),
        "x-github-hook-id": "1",
        "x-github-hook-installation-target-id": str(app_id),
        "x-github-hook-installation-target-type": "integration",
        "x-hub-signature": "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest(),
        "x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def about_repository(github: FakeGitHub, repository: Repository, action: str | None, sender: str) -> Payload:
    """What every payload about a repository holds."""
    payload: Payload = {"action": action} if action else {}
    payload["repository"] = answers.repository(repository)
    if repository.owner.kind == "Organization":
        url = f"{github.url}/orgs/{repository.owner.login}"
        payload["organization"] = {"login": repository.owner.login, "id": repository.owner.id, "url": url}
    payload["sender"] = answers.account(github, github.account(sender))
    if installation := github.installation_of(repository):
        payload["installation"] = {"id": installation.id, "node_id": f"MDI_{installation.id}"}
    return payload


def pull_request(pull: PullRequest, action: str, sender: str) -> Payload:
    payload = about_repository(pull.github, pull.repository, action, sender)
    payload |= {"number": pull.number, "pull_request": answers.pull_request(pull)}
    if action == "synchronize" and pull.earlier_heads:
        payload |= {"before": pull.earlier_heads[-1], "after": pull.head}
    return payload


def issue_comment(comment: IssueComment, action: str = "created", *, on_issue: bool = False) -> Payload:
    """`on_issue` makes it a comment on a plain issue: the same but for `issue.pull_request`."""
    pull = comment.pull
    told = answers.pull_simple(pull)
    same = (
        "id",
        "node_id",
        "number",
        "state",
        "locked",
        "title",
        "user",
        "body",
        "labels",
        "milestone",
        "draft",
        "created_at",
        "updated_at",
        "closed_at",
        "author_association",
        "comments_url",
        "html_url",
    )
    issue = {key: told[key] for key in same} | {"url": told["issue_url"], "comments": len(pull.issue_comments)}
    if not on_issue:
        keys = ("url", "html_url", "diff_url", "patch_url", "merged_at")
        issue["pull_request"] = {key: told[key] for key in keys}
    payload = about_repository(pull.github, pull.repository, action, comment.author.login)
    return payload | {"issue": issue, "comment": answers.issue_comment(comment)}


def review_comment(comment: ReviewComment, action: str = "created") -> Payload:
    payload = about_repository(comment.pull.github, comment.pull.repository, action, comment.author.login)
    told = {"comment": answers.review_comment(comment), "pull_request": answers.pull_simple(comment.pull)}
    return payload | told


def review_thread(thread: Thread, action: str, sender: str) -> Payload:
    payload = about_repository(thread.pull.github, thread.pull.repository, action, sender)
    comments = [answers.review_comment(comment) for comment in thread.comments]
    told = {"node_id": thread.node_id, "comments": comments}
    return payload | {"thread": told, "pull_request": answers.pull_simple(thread.pull)}


def check_run(run: CheckRun, action: str, sender: str, identifier: str | None = None) -> Payload:
    """`identifier` is that of the button which was pressed. Asking again puts the suite back."""
    if action == "rerequested":
        run.repository.rerequested.add(run.head_sha)
    payload = about_repository(run.repository.github, run.repository, action, sender)
    payload["check_run"] = answers.check_run(run)
    return payload | ({"requested_action": {"identifier": identifier}} if identifier else {})


def check_suite(repository: Repository, sha: str, action: str, sender: str) -> Payload:
    github = repository.github
    suite = {
        "id": answers.check_suite_id(repository, sha),
        "head_sha": sha,
        "head_branch": next((name for name, tip in repository.branches.items() if tip == sha), None),
        "status": "completed",
        "pull_requests": [],
        "app": answers.app(github, github.app),
    }
    return about_repository(github, repository, action, sender) | {"check_suite": suite}


def push(repository: Repository, branch: str, before: str, sender: str) -> Payload:
    objects, after = repository.objects, repository.branches[branch]
    commits = []
    for sha in objects.commits_between(before, after):
        commit = objects.commits[sha]
        old = objects.files(objects.commits[commit.parents[0]].tree) if commit.parents else {}
        new = objects.files(commit.tree)
        commits.append(
            {
                "id": sha,
                "message": commit.message,
                "added": sorted(new.keys() - old.keys()),
                "removed": sorted(old.keys() - new.keys()),
                "modified": sorted(path for path in new.keys() & old.keys() if new[path] != old[path]),
            }
        )
    payload = about_repository(repository.github, repository, None, sender)
    return payload | {"ref": f"refs/heads/{branch}", "before": before, "after": after, "commits": commits}


def installation(github: FakeGitHub, found: Installation, action: str, sender: str) -> Payload:
    return {
        "action": action,
        "installation": answers.installation(github, found),
        "repositories": list(map(_named, github.visible(found))),
        "sender": answers.account(github, github.account(sender)),
    }


def installation_repositories(
    github: FakeGitHub, found: Installation, action: str, repositories: Sequence[Repository], sender: str
) -> Payload:
    named = list(map(_named, repositories))
    return {
        "action": action,
        "installation": answers.installation(github, found),
        "repository_selection": "all" if found.selected is None else "selected",
        "repositories_added": named if action == "added" else [],
        "repositories_removed": named if action == "removed" else [],
        "requester": None,
        "sender": answers.account(github, github.account(sender)),
    }


def ping(github: FakeGitHub) -> Payload:
    hook = {"type": "App", "id": 1, "active": True, "events": list(github.app.events), "app_id": github.app.id}
    return {"zen": "Keep it logically awesome.", "hook_id": 1, "hook": hook}


def _named(repository: Repository) -> Payload:
    told = answers.simple_repository(repository)
    return {key: told[key] for key in ("id", "node_id", "name", "full_name", "private")}
