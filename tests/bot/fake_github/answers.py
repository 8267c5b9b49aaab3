"""What the REST API and webhooks tell of each thing, key for key as GitHub publishes it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .accounts import Account
from .checks import CheckRun
from .diffs import FileDiff
from .objects import Commit
from .pulls import REACTIONS, IssueComment, PullRequest, Reaction, Review, ReviewComment, Said

if TYPE_CHECKING:
    from .github import FakeGitHub
    from .repositories import Repository
    from .tokens import App, Installation, Token

Answer = dict[str, Any]

_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def account(github: FakeGitHub, who: Account) -> Answer:
    url = f"{github.url}/users/{who.login}"
    page = f"/apps/{who.login.removesuffix('[bot]')}" if who.kind == "Bot" else f"/{who.login}"
    return {
        "login": who.login,
        "id": who.id,
        "node_id": who.node_id,
        "avatar_url": f"https://avatars.githubusercontent.com/u/{who.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": github.pages + page,
        **{name: url + tail for name, tail in _USER_LINKS.items()},
        "type": who.kind,
        "site_admin": False,
    }


def page_of(repository: Repository) -> str:
    """The address of the repository for a browser."""
    return f"{repository.github.pages}/{repository.full_name}"


def repository_url(repository: Repository) -> str:
    return f"{repository.github.url}/repos/{repository.full_name}"


def simple_repository(repository: Repository) -> Answer:
    url = repository_url(repository)
    return {
        "id": repository.id,
        "node_id": repository.node_id,
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": account(repository.github, repository.owner),
        "html_url": f"{page_of(repository)}",
        "description": None,
        "fork": repository.parent is not None,
        "url": url,
        **{name: url + tail for name, tail in _REPOSITORY_LINKS.items()},
    }


def repository(repo: Repository) -> Answer:
    created = moment(repo.github.started)
    return {
        **simple_repository(repo),
        "git_url": f"git://github.com/{repo.full_name}.git",
        "ssh_url": f"git@github.com:{repo.full_name}.git",
        "clone_url": f"{page_of(repo)}.git",
        "svn_url": f"{page_of(repo)}",
        "mirror_url": None,
        "homepage": None,
        "language": "Python",
        "license": None,
        "size": 1,
        "default_branch": repo.default_branch,
        "archived": repo.archived,
        "disabled": False,
        "visibility": "private" if repo.private else "public",
        "pushed_at": created,
        "created_at": created,
        "updated_at": created,
        "topics": [],
        "is_template": False,
        "allow_forking": True,
        "web_commit_signoff_required": False,
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
        **dict.fromkeys(("has_pages", "has_discussions"), False),
        **dict.fromkeys(("forks", "forks_count", "stargazers_count", "watchers", "watchers_count"), 0),
        **dict.fromkeys(("open_issues", "open_issues_count"), len(repo.pulls)),
    }


def full_repository(repo: Repository) -> Answer:
    answer = {**repository(repo), "subscribers_count": 0, "network_count": 0}
    if repo.parent is not None:
        answer |= {"parent": repository(repo.parent), "source": repository(repo.parent)}
    return answer


def pull_simple(pull: PullRequest) -> Answer:
    """What lists and webhooks' `pull_request` have in common."""
    url = f"{repository_url(pull.repository)}/pulls/{pull.number}"
    issue = f"{repository_url(pull.repository)}/issues/{pull.number}"
    page = f"{page_of(pull.repository)}/pull/{pull.number}"
    links = {
        "self": url,
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{repository_url(pull.repository)}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{repository_url(pull.repository)}/statuses/{pull.head}",
    }
    closed = moment(pull.github.now()) if pull.state == "closed" else None
    return {
        "url": url,
        "id": pull.id,
        "node_id": pull.node_id,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        **{f"{name}_url": links[name] for name in links if name not in {"self", "html", "issue"}},
        "number": pull.number,
        "state": pull.state,
        "locked": pull.locked,
        "title": pull.title,
        "user": account(pull.github, pull.author),
        "body": pull.body,
        "labels": [],
        "milestone": None,
        "created_at": moment(pull.created_at),
        "updated_at": moment(pull.github.now()),
        "closed_at": closed,
        "merged_at": closed if pull.merged else None,
        "merge_commit_sha": None,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "draft": pull.draft,
        "head": _side(pull.head_repository, pull.head_ref, pull.head),
        "base": _side(pull.repository, pull.base_ref, pull.base),
        "_links": {name: {"href": href} for name, href in links.items()},
        "author_association": association(pull.repository, pull.author),
        "auto_merge": None,
        "active_lock_reason": None,
    }


def pull_request(pull: PullRequest) -> Answer:
    return {
        **pull_simple(pull),
        "merged": pull.merged,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": None,
        "comments": len(pull.issue_comments),
        "review_comments": len(pull.comments),
        "maintainer_can_modify": pull.maintainer_can_modify and pull.from_fork,
        "commits": len(pull.commits),
        "additions": sum(diff.additions for diff in pull.files),
        "deletions": sum(diff.deletions for diff in pull.files),
        "changed_files": len(pull.files),
    }


def _side(repo: Repository, ref: str, sha: str) -> Answer:
    gone = repo.deleted
    return {
        "label": f"{repo.owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": account(repo.github, repo.owner),
        "repo": None if gone else repository(repo),
    }


def association(repo: Repository, who: Account) -> str:
    if who == repo.owner:
        return "OWNER"
    return "COLLABORATOR" if who.login in repo.collaborators else "NONE"


def file(repo: Repository, diff: FileDiff, ref: str, *, patch: bool = True) -> Answer:
    """One entry of a list of changed files; its patch is left out where GitHub leaves it out, or where told so."""
    answer = {
        "sha": diff.sha,
        "filename": diff.path,
        "status": diff.status,
        "additions": diff.additions,
        "deletions": diff.deletions,
        "changes": diff.additions + diff.deletions,
        "blob_url": f"{page_of(repo)}/blob/{ref}/{diff.path}",
        "raw_url": f"{page_of(repo)}/raw/{ref}/{diff.path}",
        "contents_url": f"{repo.github.url}/repos/{repo.full_name}/contents/{diff.path}?ref={ref}",
    }
    if patch and diff.patch is not None:
        answer["patch"] = diff.patch
    if diff.previous_path:
        answer["previous_filename"] = diff.previous_path
    return answer


def commit(repo: Repository, found: Commit) -> Answer:
    url = f"{repository_url(repo)}/commits/{found.sha}"
    return {
        "sha": found.sha,
        "node_id": f"C_{found.sha}",
        "commit": {**_commit_body(repo, found), "comment_count": 0, "url": url},
        "url": url,
        "html_url": f"{page_of(repo)}/commit/{found.sha}",
        "comments_url": f"{url}/comments",
        "author": None,
        "committer": None,
        "parents": [{"sha": sha, "url": f"{repository_url(repo)}/commits/{sha}"} for sha in found.parents],
    }


def git_commit(repo: Repository, found: Commit) -> Answer:
    url = f"{repository_url(repo)}/git/commits"
    page = f"{page_of(repo)}/commit"
    return {
        "sha": found.sha,
        "node_id": f"C_{found.sha}",
        "url": f"{url}/{found.sha}",
        "html_url": f"{page}/{found.sha}",
        **_commit_body(repo, found),
        "parents": [{"sha": sha, "url": f"{url}/{sha}", "html_url": f"{page}/{sha}"} for sha in found.parents],
    }


def _commit_body(repo: Repository, found: Commit) -> Answer:
    return {
        "author": _git_user(repo, found.author, found.when),
        "committer": _git_user(repo, found.committer, found.when),
        "message": found.message,
        "tree": {"sha": found.tree, "url": f"{repository_url(repo)}/git/trees/{found.tree}"},
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


def _git_user(repo: Repository, signature: str, when: int) -> Answer:
    name, _, address = signature.partition(" <")
    return {"name": name, "email": address.rstrip(">"), "date": moment(repo.github.moment_of(when))}


def git_ref(repo: Repository, branch: str) -> Answer:
    sha = repo.branches[branch]
    return {
        "ref": f"refs/heads/{branch}",
        "node_id": f"REF_{repo.id}_{branch}",
        "url": f"{repository_url(repo)}/git/refs/heads/{branch}",
        "object": {"type": "commit", "sha": sha, "url": f"{repository_url(repo)}/git/commits/{sha}"},
    }


def contents(repo: Repository, path: str, sha: str, ref: str) -> Answer:
    """A file as `GET …/contents/{path}` tells it, its text left to the caller."""
    url = f"{repository_url(repo)}/contents/{path}?ref={ref}"
    git, page = f"{repository_url(repo)}/git/blobs/{sha}", f"{page_of(repo)}/blob/{ref}/{path}"
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": len(repo.objects.blobs.get(sha, b"")),
        "url": url,
        "html_url": page,
        "git_url": git,
        "download_url": f"https://raw.githubusercontent.com/{repo.full_name}/{ref}/{path}",
        "_links": {"self": url, "git": git, "html": page},
    }


def encoded(content: bytes) -> str:
    """Base64 with the line breaks that GitHub puts in."""
    text = base64.b64encode(content).decode()
    return "".join(f"{text[start : start + 60]}\n" for start in range(0, len(text), 60))


def review(found: Review) -> Answer:
    page = f"{page_of(found.pull.repository)}/pull/{found.pull.number}#pullrequestreview-{found.id}"
    pull = f"{repository_url(found.pull.repository)}/pulls/{found.pull.number}"
    answer = {
        "id": found.id,
        "node_id": found.node_id,
        "user": account(found.pull.github, found.author),
        "body": found.body,
        "state": found.state,
        "html_url": page,
        "pull_request_url": pull,
        "author_association": association(found.pull.repository, found.author),
        "_links": {"html": {"href": page}, "pull_request": {"href": pull}},
        "commit_id": found.commit_id,
    }
    return answer if found.state == "PENDING" else {**answer, "submitted_at": moment(found.created_at)}


def review_comment(comment: ReviewComment) -> Answer:
    repo, pull = comment.pull.repository, comment.pull
    url = f"{repository_url(repo)}/pulls/comments/{comment.id}"
    page = f"{page_of(repo)}/pull/{pull.number}#discussion_r{comment.id}"
    in_reply_to = comment.in_reply_to
    return {
        "url": url,
        "pull_request_review_id": comment.review.id,
        "id": comment.id,
        "node_id": comment.node_id,
        "diff_hunk": comment.diff_hunk,
        "path": comment.path,
        "commit_id": comment.original_commit if comment.outdated else pull.head,
        "original_commit_id": comment.original_commit,
        "user": account(pull.github, comment.author),
        "body": comment.body,
        "created_at": moment(comment.created_at),
        "updated_at": moment(comment.created_at),
        "html_url": page,
        "pull_request_url": f"{repository_url(repo)}/pulls/{pull.number}",
        "author_association": association(repo, comment.author),
        "_links": {
            "self": {"href": url},
            "html": {"href": page},
            "pull_request": {"href": f"{repository_url(repo)}/pulls/{pull.number}"},
        },
        "reactions": reactions(comment, url),
        "subject_type": comment.subject,
        **_place(comment),
        **({"in_reply_to_id": in_reply_to.id} if in_reply_to else {}),
    }


def _place(comment: ReviewComment) -> Answer:
    """GitHub says line 1 of a comment on a whole file, and null where a line is no more."""
    if comment.subject == "file":
        return {
            "line": 1,
            "original_line": 1,
            "start_line": None,
            "original_start_line": None,
            "side": "RIGHT",
            "start_side": None,
            "position": 1,
            "original_position": 1,
        }
    lines = comment.lines
    return {
        "line": lines[-1] if lines else None,
        "original_line": comment.line,
        "start_line": lines[0] if lines and comment.start_line else None,
        "original_start_line": comment.start_line,
        "side": comment.side,
        "start_side": comment.start_side,
        "position": 1 if lines else None,
        "original_position": 1,
    }


def issue_comment(comment: IssueComment) -> Answer:
    repo, pull = comment.pull.repository, comment.pull
    url = f"{repository_url(repo)}/issues/comments/{comment.id}"
    return {
        "id": comment.id,
        "node_id": comment.node_id,
        "url": url,
        "html_url": f"{page_of(repo)}/pull/{pull.number}#issuecomment-{comment.id}",
        "issue_url": f"{repository_url(repo)}/issues/{pull.number}",
        "user": account(pull.github, comment.author),
        "created_at": moment(comment.created_at),
        "updated_at": moment(comment.created_at),
        "body": comment.body,
        "author_association": association(repo, comment.author),
        "reactions": reactions(comment, url),
        "performed_via_github_app": app(pull.github, pull.github.app) if comment.by_app else None,
    }


def reactions(said: Said, url: str) -> Answer:
    counted = Counter(reaction.content for reaction in said.reactions)
    return {
        "url": f"{url}/reactions",
        "total_count": len(said.reactions),
        **{content: counted[content] for content in REACTIONS},
    }


def reaction(github: FakeGitHub, found: Reaction) -> Answer:
    return {
        "id": found.id,
        "node_id": found.node_id,
        "user": account(github, found.author),
        "content": found.content,
        "created_at": moment(found.created_at),
    }


def check_run(run: CheckRun) -> Answer:
    repo = run.repository
    url = f"{repository_url(repo)}/check-runs/{run.id}"
    return {
        "id": run.id,
        "head_sha": run.head_sha,
        "node_id": run.node_id,
        "external_id": run.external_id,
        "url": url,
        "html_url": f"{page_of(repo)}/runs/{run.id}",
        "details_url": run.details_url or f"{page_of(repo)}/runs/{run.id}",
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": moment(run.started_at),
        "completed_at": moment(run.completed_at) if run.completed_at else None,
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": run.text,
            "annotations_count": len(run.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "name": run.name,
        "check_suite": {"id": check_suite_id(repo, run.head_sha)},
        "app": app(repo.github, repo.github.app),
        "pull_requests": [_minimal(pull) for pull in pulls_of(repo, run.head_sha)],
    }


def check_suite_id(repo: Repository, sha: str) -> int:
    return int(sha[:7], 16) * 1000 + repo.id % 1000


def pulls_of(repo: Repository, sha: str) -> list[PullRequest]:
    """The open pull requests that GitHub names with a check run: none that come from forks."""
    return [pull for pull in repo.pulls.values() if pull.head == sha and not pull.from_fork and pull.state == "open"]


def _minimal(pull: PullRequest) -> Answer:
    def side(repo: Repository, ref: str, sha: str) -> Answer:
        return {"ref": ref, "sha": sha, "repo": {"id": repo.id, "url": repository_url(repo), "name": repo.name}}

    return {
        "id": pull.id,
        "number": pull.number,
        "url": f"{repository_url(pull.repository)}/pulls/{pull.number}",
        "head": side(pull.head_repository, pull.head_ref, pull.head),
        "base": side(pull.repository, pull.base_ref, pull.base),
    }


def annotation(repo: Repository, found: Mapping[str, Any], sha: str) -> Answer:
    return {
        "start_column": None,
        "end_column": None,
        "title": None,
        "raw_details": None,
        **found,
        "blob_href": f"{page_of(repo)}/blob/{sha}/{found['path']}",
    }


def app(github: FakeGitHub, found: App) -> Answer:
    return {
        "id": found.id,
        "slug": found.slug,
        "node_id": found.node_id,
        "client_id": found.client_id,
        "owner": account(github, found.owner),
        "name": found.name,
        "description": "",
        "external_url": "https://example.org/",
        "html_url": f"{github.pages}/apps/{found.slug}",
        "created_at": moment(found.created_at),
        "updated_at": moment(found.created_at),
        "permissions": dict(found.permissions),
        "events": list(found.events),
    }


def installation(github: FakeGitHub, found: Installation) -> Answer:
    url = f"{github.url}/app/installations/{found.id}"
    return {
        "id": found.id,
        "client_id": found.app.client_id,
        "account": account(github, found.account),
        "repository_selection": "all" if found.selected is None else "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{github.url}/installation/repositories",
        "html_url": f"{github.pages}/settings/installations/{found.id}",
        "app_id": found.app.id,
        "app_slug": found.app.slug,
        "target_id": found.account.id,
        "target_type": found.account.kind,
        "permissions": dict(found.permissions),
        "events": list(found.app.events),
        "created_at": moment(found.created_at),
        "updated_at": moment(found.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": moment(found.suspended_at) if found.suspended_at else None,
    }


def token(found: Token) -> Answer:
    answer = {
        "token": found.text,
        "expires_at": moment(found.expires_at),
        "permissions": dict(found.permissions),
        "repository_selection": "all"
        if found.repositories is None and found.installation.selected is None
        else "selected",
    }
    return (
        answer if found.repositories is None else {**answer, "repositories": list(map(repository, found.repositories))}
    )


def listed(total_key: str, items: Iterable[Answer], total: int) -> Answer:
    return {"total_count": total, total_key: list(items)}
