"""Git objects and references.

https://docs.github.com/rest/git
"""

import base64
import binascii

from tests.bot.fake_github import answers
from tests.bot.fake_github.errors import ApiError, not_found, validation_failed
from tests.bot.fake_github.objects import DIRECTORY, SUBMODULE, Entry
from tests.bot.fake_github.server import Reply, Request, route

MAX_TREE = 100_000


@route("GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}", needs="contents")
def get_tree(request: Request) -> Reply:
    """The tree of a commit, branch or tree; with `recursive`, all that lies below it, perhaps truncated."""
    repo, objects = request.repository, request.repository.objects
    asked = request.values["tree_sha"]
    commit = repo.resolve(asked)
    sha = objects.commits[commit].tree if commit else asked
    if sha not in objects.trees:
        raise not_found()
    deep = bool(request.query.get("recursive"))
    entries = list(objects.every_entry(sha)) if deep else list(objects.trees[sha].items())
    truncated = deep and (repo.truncate_trees or len(entries) > MAX_TREE)
    if truncated:
        entries = entries[: min(MAX_TREE, len(entries) // 2)]
    url = f"{answers.repository_url(repo)}/git"
    tree = [
        {"path": path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha}
        | ({"size": len(objects.blobs[entry.sha])} if entry.kind == "blob" else {})
        | ({} if entry.mode == SUBMODULE else {"url": f"{url}/{entry.kind}s/{entry.sha}"})
        for path, entry in entries
    ]
    return Reply({"sha": sha, "url": f"{url}/trees/{sha}", "tree": tree, "truncated": truncated})


@route("GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", needs="contents")
def get_blob(request: Request) -> Reply:
    repo, sha = request.repository, request.values["file_sha"]
    content = repo.objects.blobs.get(sha)
    if content is None:
        raise not_found()
    if ".raw" in request.accept:
        return Reply(content, headers={"content-type": "application/vnd.github.raw+json; charset=utf-8"})
    url = f"{answers.repository_url(repo)}/git/blobs/{sha}"
    return Reply(
        {
            "sha": sha,
            "node_id": f"B_{sha}",
            "size": len(content),
            "url": url,
            "content": answers.encoded(content),
            "encoding": "base64",
        }
    )


@route("GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", needs="contents")
def get_git_commit(request: Request) -> Reply:
    found = request.repository.objects.commits.get(request.values["commit_sha"])
    if found is None:
        raise not_found()
    return Reply(answers.git_commit(request.repository, found))


@route("GET", "/repos/{owner}/{repo}/git/ref/{ref}", needs="contents")
def get_ref(request: Request) -> Reply:
    return Reply(answers.git_ref(request.repository, _branch(request, request.values["ref"])))


def _branch(request: Request, ref: str) -> str:
    branch = ref.removeprefix("heads/")
    if branch not in request.repository.branches or not ref.startswith("heads/"):
        raise not_found()
    return branch


@route("POST", "/repos/{owner}/{repo}/git/blobs", needs="contents")
def create_blob(request: Request) -> Reply:
    text = request.body["content"]
    try:
        content = base64.b64decode(text, validate=False) if request.body.get("encoding") == "base64" else text.encode()
    except binascii.Error:
        raise ApiError(422, {"message": "content is not valid Base64"}) from None
    sha = request.repository.objects.add_blob(content)
    return Reply({"sha": sha, "url": f"{answers.repository_url(request.repository)}/git/blobs/{sha}"}, 201)


@route("POST", "/repos/{owner}/{repo}/git/trees", needs="contents")
def create_tree(request: Request) -> Reply:
    repo, objects = request.repository, request.repository.objects
    base = request.body.get("base_tree")
    commit = objects.commits.get(base or "")
    base = commit.tree if commit else base
    if base is not None and base not in objects.trees:
        raise ApiError(422, {"message": "base_tree is not a valid SHA"})
    files = dict(objects.files(base)) if base else {}
    for item in request.body["tree"]:
        path, sha = item["path"], item.get("sha")
        if "content" in item:
            files[path] = Entry(item["mode"], objects.add_blob(item["content"].encode()))
        elif sha is None:
            files.pop(path, None)
        elif item["mode"] == DIRECTORY or (item["mode"] != SUBMODULE and sha not in objects.blobs):
            raise ApiError(422, {"message": "tree.sha is not a valid SHA of a blob"})
        else:
            files[path] = Entry(item["mode"], sha)
    tree = objects.add_tree(files)
    url = f"{answers.repository_url(repo)}/git"
    entries = [
        {
            "path": path,
            "mode": entry.mode,
            "type": entry.kind,
            "sha": entry.sha,
            "url": f"{url}/{entry.kind}s/{entry.sha}",
        }
        for path, entry in objects.trees[tree].items()
    ]
    return Reply({"sha": tree, "url": f"{url}/trees/{tree}", "tree": entries, "truncated": False}, 201)


@route("POST", "/repos/{owner}/{repo}/git/commits", needs="contents")
def create_commit(request: Request) -> Reply:
    objects, body = request.repository.objects, request.body
    if body["tree"] not in objects.trees:
        raise ApiError(422, {"message": "Tree SHA does not exist"})
    if any(parent not in objects.commits for parent in body.get("parents", [])):
        raise ApiError(422, {"message": "Parent SHA does not exist or is not a commit object"})
    author = body.get("author")
    signature = f"{author['name']} <{author['email']}>" if author else request.github.app.bot.signature
    sha = objects.add_commit(body["tree"], body.get("parents", []), body["message"], signature, request.github.tick())
    return Reply(answers.git_commit(request.repository, objects.commits[sha]), 201)


@route("POST", "/repos/{owner}/{repo}/git/refs", needs="contents")
def create_ref(request: Request) -> Reply:
    repo, branch = request.repository, request.body["ref"].removeprefix("refs/heads/")
    if not request.body["ref"].startswith("refs/heads/"):
        raise ApiError(422, {"message": "Reference name must start with 'refs/'."})
    if request.body["sha"] not in repo.objects.commits:
        raise ApiError(422, {"message": "Object does not exist"})
    if branch in repo.branches:
        raise ApiError(422, {"message": "Reference already exists"})
    repo.move_branch(branch, request.body["sha"])
    return Reply(answers.git_ref(repo, branch), 201)


@route("PATCH", "/repos/{owner}/{repo}/git/refs/{ref}", needs="contents")
def update_ref(request: Request) -> Reply:
    """Without `force`, only forwards."""
    repo, sha = request.repository, request.body["sha"]
    if not request.values["ref"].startswith("heads/") or request.values["ref"][6:] not in repo.branches:
        raise ApiError(422, {"message": "Reference does not exist"})
    branch = request.values["ref"].removeprefix("heads/")
    if sha not in repo.objects.commits:
        raise ApiError(422, {"message": "Object does not exist"})
    if branch in repo.protected:
        raise ApiError(422, {"message": f"Repository rule violations found\n\n{repo.protected[branch]}\n\n"})
    if not request.body.get("force") and repo.branches[branch] not in set(repo.objects.ancestors(sha)):
        raise ApiError(422, {"message": "Update is not a fast forward"})
    repo.move_branch(branch, sha)
    return Reply(answers.git_ref(repo, branch))


@route("DELETE", "/repos/{owner}/{repo}/git/refs/{ref}", needs="contents")
def delete_ref(request: Request) -> Reply:
    branch = request.values["ref"].removeprefix("heads/")
    if request.repository.branches.pop(branch, None) is None:
        raise validation_failed("Reference", {"code": "custom", "message": "Reference does not exist"})
    return Reply(status=204)
