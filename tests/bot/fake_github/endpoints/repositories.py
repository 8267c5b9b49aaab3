"""Repositories, their contents, comparisons and archives.

https://docs.github.com/rest/repos
"""

import gzip
import io
import secrets
import tarfile
from typing import Any

from tests.bot.fake_github import answers
from tests.bot.fake_github.diffs import compare_trees
from tests.bot.fake_github.errors import ApiError, forbidden, not_found, validation_failed
from tests.bot.fake_github.objects import DIRECTORY, EXECUTABLE, SUBMODULE, SYMLINK, Commit, Entry
from tests.bot.fake_github.repositories import Repository
from tests.bot.fake_github.server import Reply, Request, route

MAX_JSON = 1024**2
MAX_RAW = 100 * 1024**2
MAX_COMPARED = 300
MAX_LISTED = 1000


@route("GET", "/repos/{owner}/{repo}")
def get_repository(request: Request) -> Reply:
    return Reply(answers.full_repository(request.repository))


def _commit(request: Request, ref: str) -> Commit:
    sha = request.repository.resolve(ref)
    if sha is None:
        raise not_found()
    return request.repository.objects.commits[sha]


@route("GET", "/repos/{owner}/{repo}/commits/{ref}", needs="contents")
def get_commit(request: Request) -> Reply:
    found = request.repository.resolve(request.values["ref"])
    if found is None:
        raise ApiError(422, {"message": f"No commit found for SHA: {request.values['ref']}"})
    return Reply(answers.commit(request.repository, request.repository.objects.commits[found]))


@route("GET", "/repos/{owner}/{repo}/compare/{basehead}", needs="contents")
def compare(request: Request) -> Reply:
    """Three dots; at most 300 files, all on the first page."""
    repo, objects = request.repository, request.repository.objects
    base_ref, dots, head_ref = request.values["basehead"].partition("...")
    if not dots:
        raise not_found()
    base, head = _commit(request, base_ref), _commit(request, head_ref)
    parted = objects.merge_base(base.sha, head.sha)
    if parted is None:
        raise not_found()
    ahead, behind = objects.commits_between(base.sha, head.sha), objects.commits_between(head.sha, base.sha)
    diffs = compare_trees(objects, objects.commits[parted].tree, head.tree)[:MAX_COMPARED]
    url, page = f"{request.url}", f"{answers.page_of(repo)}/compare/{base.sha}...{head.sha}"
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}.get(
        (bool(ahead), bool(behind)), "diverged"
    )
    first = request.query.get("page", "1") == "1"
    return Reply(
        {
            "url": url,
            "html_url": page,
            "permalink_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": answers.commit(repo, base),
            "merge_base_commit": answers.commit(repo, objects.commits[parted]),
            "status": status,
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "commits": [answers.commit(repo, objects.commits[sha]) for sha in ahead[:250]],
            "files": [answers.file(repo, diff, head.sha) for diff in diffs] if first else [],
        }
    )


@route("GET", "/repos/{owner}/{repo}/contents/{path}", needs="contents")
def get_contents(request: Request) -> Reply:
    """A file up to 1 MB as JSON, up to 100 MB raw; a folder as a list; links to files are followed."""
    repo = request.repository
    ref = request.query.get("ref", repo.default_branch)
    commit = _commit(request, ref)
    path = request.values["path"].strip("/")
    entry = repo.objects.at(commit.tree, path)
    if entry is None:
        raise not_found()
    if entry.mode == DIRECTORY:
        return Reply(
            [_listed(repo, path, name, inner, ref) for name, inner in repo.objects.trees[entry.sha].items()][
                :MAX_LISTED
            ]
        )
    if entry.mode == SUBMODULE:
        raise not_found()
    if entry.mode == SYMLINK and (target := _target(repo, commit, path, entry)):
        entry = target
    return _file(request, path, entry, ref)


def _target(repo: Repository, commit: Commit, path: str, link: Entry) -> Entry | None:
    folder = path.rpartition("/")[0].split("/")
    parts = [part for part in folder if part]
    for part in repo.objects.blobs[link.sha].decode().split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    found = repo.objects.at(commit.tree, "/".join(parts))
    return found if found and found.mode not in {DIRECTORY, SUBMODULE, SYMLINK} else None


def _file(request: Request, path: str, entry: Entry, ref: str) -> Reply:
    content = request.repository.objects.blobs[entry.sha]
    raw, whole = ".raw" in request.accept, ".object" in request.accept
    if len(content) > (MAX_RAW if raw or whole else MAX_JSON):
        problem = {"resource": "Blob", "field": "data", "code": "too_large"}
        message = "This API returns blobs up to 1 MB in size. The requested blob is too large to fetch via the API, but you can use the Git Data API to request blobs up to 100 MB in size."
        raise ApiError(403, {"message": message, "errors": [problem]})
    if raw:
        return Reply(content, headers={"content-type": "application/vnd.github.raw+json; charset=utf-8"})
    answer = {**answers.contents(request.repository, path, entry.sha, ref), "type": "file"}
    if len(content) > MAX_JSON:
        return Reply({**answer, "encoding": "none", "content": ""})
    return Reply({**answer, "encoding": "base64", "content": answers.encoded(content)})


def _listed(repo: Repository, folder: str, name: str, entry: Entry, ref: str) -> dict[str, Any]:
    kind = {DIRECTORY: "dir", SUBMODULE: "submodule", SYMLINK: "symlink"}.get(entry.mode, "file")
    return {**answers.contents(repo, f"{folder}/{name}".lstrip("/"), entry.sha, ref), "type": kind}


@route("GET", "/repos/{owner}/{repo}/tarball/{ref}", needs="contents")
def get_tarball(request: Request) -> Reply:
    """Redirects to another host, where the archive lies without authentication for whoever knows the address."""
    repo, commit = request.repository, _commit(request, request.values["ref"])
    address = f"/{repo.full_name}/legacy.tar.gz/{commit.sha}"
    if repo.private:
        address += f"?token={secrets.token_hex(16)}"
    request.github.archives[address] = _archive(repo, commit)
    return Reply(status=302, headers={"location": f"http://127.0.0.1:{request.github.server.archive_port}{address}"})


def _archive(repo: Repository, commit: Commit) -> bytes:
    top = f"{repo.owner.login}-{repo.name}-{commit.sha[:7]}"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": commit.sha}) as tar:
        tar.addfile(_folder(top, commit))
        for path, entry in repo.objects.every_entry(commit.tree):
            if entry.mode in {DIRECTORY, SUBMODULE}:
                tar.addfile(_folder(f"{top}/{path}", commit))
                continue
            content = repo.objects.blobs[entry.sha]
            info = tarfile.TarInfo(f"{top}/{path}")
            info.mtime, info.mode = commit.when, 0o775 if entry.mode == EXECUTABLE else 0o664
            if entry.mode == SYMLINK:
                info.type, info.linkname = tarfile.SYMTYPE, content.decode()
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), 1)


def _folder(path: str, commit: Commit) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o775, commit.when
    return info


@route("POST", "/repos/{owner}/{repo}/pulls", needs="pull_requests")
def open_pull(request: Request) -> Reply:
    repo, body = request.repository, request.body
    source = repo.github.repositories.get(f"{body['head'].partition(':')[0]}/{repo.name}".lower(), repo)
    branch = body["head"].rpartition(":")[2]
    if body["base"] not in repo.branches:
        raise validation_failed("PullRequest", {"field": "base", "code": "invalid"})
    if branch not in source.branches:
        raise validation_failed("PullRequest", {"field": "head", "code": "invalid"})
    if not repo.objects.commits_between(repo.branches[body["base"]], source.branches[branch]):
        message = f"No commits between {body['base']} and {branch}"
        raise validation_failed("PullRequest", {"code": "custom", "message": message})
    if any(
        each.state == "open" and each.head_ref == branch and each.base_ref == body["base"]
        for each in repo.pulls.values()
    ):
        message = f"A pull request already exists for {source.owner.login}:{branch}."
        raise validation_failed("PullRequest", {"code": "custom", "message": message})
    if repo.archived:
        raise forbidden("Repository was archived so is read-only.")
    pull = repo.open_pull_from(
        source,
        branch,
        body["base"],
        title=body.get("title", branch),
        body=body.get("body"),
        author=repo.github.app.bot,
        draft=body.get("draft", False),
    )
    return Reply(answers.pull_request(pull), 201)
