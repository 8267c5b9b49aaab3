"""Pull requests and what they change.

https://docs.github.com/rest/pulls/pulls
"""

from tests.bot.fake_github import answers
from tests.bot.fake_github.errors import not_found
from tests.bot.fake_github.pulls import PullRequest
from tests.bot.fake_github.server import Reply, Request, route

MAX_FILES = 3000
MAX_COMMITS = 250


def pull_of(request: Request) -> PullRequest:
    """The pull request of the path; 404 where there is none."""
    found = request.repository.pulls.get(request.number("pull_number"))
    if found is None:
        raise not_found()
    return found


@route("GET", "/repos/{owner}/{repo}/pulls", needs="pull_requests")
def list_pulls(request: Request) -> Reply:
    """Newest first, unless sorted otherwise."""
    state, base, head = (request.query.get(name) for name in ("state", "base", "head"))
    state = state or "open"
    found = [
        pull
        for pull in request.repository.pulls.values()
        if state in {"all", pull.state}
        and base in {None, pull.base_ref}
        and head in {None, f"{pull.head_repository.owner.login}:{pull.head_ref}"}
    ]
    if request.query.get("direction", "desc") == "desc":
        found.reverse()
    page, headers = request.page(found)
    return Reply([answers.pull_simple(pull) for pull in page], headers=headers)


@route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}", needs="pull_requests contents")
def get_pull(request: Request) -> Reply:
    pull = pull_of(request)
    if ".diff" in request.accept or ".patch" in request.accept:
        request.github.refusals.append(f"{request.url}: the fake serves no diff media type; ask for the files")
        raise not_found()
    return Reply(answers.pull_request(pull))


@route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files", needs="pull_requests")
def list_files(request: Request) -> Reply:
    pull = pull_of(request)
    page, headers = request.page(pull.files[:MAX_FILES])
    told = [answers.file(pull.repository, diff, pull.head, patch=diff.path not in pull.without_patch) for diff in page]
    return Reply(told, headers=headers)


@route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/commits", needs="pull_requests")
def list_commits(request: Request) -> Reply:
    pull = pull_of(request)
    page, headers = request.page(pull.commits[:MAX_COMMITS])
    commits = pull.repository.objects.commits
    return Reply([answers.commit(pull.repository, commits[sha]) for sha in page], headers=headers)
