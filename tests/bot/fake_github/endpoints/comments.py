"""Comments on the diff and in the conversation, and reactions to them.

https://docs.github.com/rest/pulls/comments, https://docs.github.com/rest/issues/comments, https://docs.github.com/rest/reactions
"""

from collections.abc import Sequence

from tests.bot.fake_github import answers
from tests.bot.fake_github.errors import ApiError, forbidden, not_found, validation_failed
from tests.bot.fake_github.pulls import MAX_BODY, IssueComment, PullRequest, ReviewComment, Said
from tests.bot.fake_github.server import Reply, Request, route

from .pulls import pull_of
from .reviews import TOO_LONG, anchor_of

RESOURCE = "PullRequestReviewComment"


@route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/comments", needs="pull_requests")
def list_review_comments(request: Request) -> Reply:
    page, headers = request.page(_since(request, pull_of(request).comments))
    return Reply([answers.review_comment(each) for each in page], headers=headers)


def _since(request: Request, said: Sequence[Said]) -> Sequence[Said]:
    """Those that were written from the time on that was asked for, if one was."""
    since = request.query.get("since", "")
    return [one for one in said if answers.moment(one.created_at) >= since]


@route("POST", "/repos/{owner}/{repo}/pulls/{pull_number}/comments", needs="pull_requests")
def create_review_comment(request: Request) -> Reply:
    """On lines, on the file as a whole, or (with `in_reply_to`, all else ignored) as an answer."""
    pull, body = pull_of(request), request.body
    _check_length(body["body"], RESOURCE)
    if "in_reply_to" in body:
        return _answer(request, pull, body["in_reply_to"])
    if not pull.knows(body["commit_id"]):
        raise validation_failed(
            RESOURCE, {"code": "custom", "field": "commit_id", "message": "commit_id is not part of the pull request"}
        )
    anchor = anchor_of(body)
    if problems := pull.anchor_problems(anchor, body["commit_id"]):
        raise validation_failed(RESOURCE, *map(_named, problems))
    bot = request.github.app.bot
    review = pull.add_review("", "COMMENTED", bot, body["commit_id"], by_app=True)
    return Reply(answers.review_comment(pull.add_comment(review, anchor, body["body"])), 201)


def _named(problem: str) -> dict[str, str]:
    """A problem as this route words it: by field."""
    if problem.startswith("Path"):
        return {"code": "invalid", "field": "path"}
    text = problem.removeprefix("Pull request review thread ").rstrip(".")
    field = next(name for name in ("start line", "diff hunk", "line") if text.startswith(name)).replace(" ", "_")
    if field == "diff_hunk":
        return {"code": "missing_field", "field": "pull_request_review_thread.diff_hunk"}
    rule = text[len(field) + 1 :]
    name = f"pull_request_review_thread.{field}"
    return {"code": "custom", "field": name, "message": f"{name} {rule}"}


def _answer(request: Request, pull: PullRequest, comment_id: int) -> Reply:
    for thread in pull.threads:
        if any(comment.id == comment_id for comment in thread.comments):
            answer = thread.answer(request.body["body"], request.github.app.bot, by_app=True)
            return Reply(answers.review_comment(answer), 201)
    raise not_found()


@route("POST", "/repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies", needs="pull_requests")
def reply(request: Request) -> Reply:
    _check_length(request.body["body"], RESOURCE)
    return _answer(request, pull_of(request), request.number("comment_id"))


def _check_length(body: str, resource: str) -> None:
    if not body.strip():
        raise validation_failed(resource, {"code": "missing_field", "field": "body"})
    if len(body) > MAX_BODY:
        raise validation_failed(resource, {"code": "unprocessable", "field": "data", "message": TOO_LONG})


def _review_comment(request: Request) -> ReviewComment:
    for pull in request.repository.pulls.values():
        for comment in pull.comments:
            if comment.id == request.number("comment_id"):
                return comment
    raise not_found()


def _issue_comment(request: Request) -> IssueComment:
    for pull in request.repository.pulls.values():
        for comment in pull.issue_comments:
            if comment.id == request.number("comment_id"):
                return comment
    raise not_found()


def _edit(request: Request, said: Said, resource: str) -> None:
    if said.author != request.github.app.bot:
        raise forbidden()
    _check_length(request.body["body"], resource)
    said.body = request.body["body"]


@route("GET", "/repos/{owner}/{repo}/pulls/comments/{comment_id}", needs="pull_requests")
def get_review_comment(request: Request) -> Reply:
    return Reply(answers.review_comment(_review_comment(request)))


@route("PATCH", "/repos/{owner}/{repo}/pulls/comments/{comment_id}", needs="pull_requests")
def edit_review_comment(request: Request) -> Reply:
    comment = _review_comment(request)
    _edit(request, comment, RESOURCE)
    return Reply(answers.review_comment(comment))


@route("GET", "/repos/{owner}/{repo}/issues/{issue_number}/comments", needs="issues pull_requests")
def list_issue_comments(request: Request) -> Reply:
    page, headers = request.page(_since(request, _conversation(request).issue_comments))
    return Reply([answers.issue_comment(each) for each in page], headers=headers)


@route("POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments", needs="issues pull_requests")
def create_issue_comment(request: Request) -> Reply:
    pull = _conversation(request)
    _check_length(request.body["body"], "IssueComment")
    if pull.locked:
        raise ApiError(403, {"message": "Unable to create comment because issue is locked."})
    comment = pull.comment(request.body["body"], request.github.app.bot.login, by_app=True)
    return Reply(answers.issue_comment(comment), 201)


def _conversation(request: Request) -> PullRequest:
    found = request.repository.pulls.get(request.number("issue_number"))
    if found is None:
        raise not_found()
    return found


@route("GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}", needs="issues pull_requests")
def get_issue_comment(request: Request) -> Reply:
    return Reply(answers.issue_comment(_issue_comment(request)))


@route("PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", needs="issues pull_requests")
def edit_issue_comment(request: Request) -> Reply:
    comment = _issue_comment(request)
    _edit(request, comment, "IssueComment")
    return Reply(answers.issue_comment(comment))


def _reactions(request: Request, said: Said) -> Reply:
    page, headers = request.page(said.reactions)
    return Reply([answers.reaction(request.github, each) for each in page], headers=headers)


def _react(request: Request, said: Said) -> Reply:
    """200 where the same reaction stands already, else 201."""
    before = len(said.reactions)
    reaction = said.pull.react(said, request.body["content"], request.github.app.bot)
    return Reply(answers.reaction(request.github, reaction), 200 if len(said.reactions) == before else 201)


def _take_back(request: Request, said: Said) -> Reply:
    for reaction in said.reactions:
        if reaction.id == request.number("reaction_id") and reaction.author == request.github.app.bot:
            said.reactions.remove(reaction)
            return Reply(status=204)
    raise not_found()


@route("GET", "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions", needs="pull_requests")
def list_review_comment_reactions(request: Request) -> Reply:
    return _reactions(request, _review_comment(request))


@route("POST", "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions", needs="pull_requests")
def react_to_review_comment(request: Request) -> Reply:
    return _react(request, _review_comment(request))


@route("DELETE", "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}", needs="pull_requests")
def take_back_review_comment_reaction(request: Request) -> Reply:
    return _take_back(request, _review_comment(request))


@route("GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", needs="issues pull_requests")
def list_issue_comment_reactions(request: Request) -> Reply:
    return _reactions(request, _issue_comment(request))


@route("POST", "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", needs="issues pull_requests")
def react_to_issue_comment(request: Request) -> Reply:
    return _react(request, _issue_comment(request))


@route(
    "DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}", needs="issues pull_requests"
)
def take_back_issue_comment_reaction(request: Request) -> Reply:
    return _take_back(request, _issue_comment(request))
