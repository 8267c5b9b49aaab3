"""Reviews.

https://docs.github.com/rest/pulls/reviews
"""

from collections.abc import Mapping
from typing import Any

from tests.bot.fake_github import answers
from tests.bot.fake_github.errors import ApiError, not_found, unprocessable
from tests.bot.fake_github.pulls import MAX_BODY, Anchor, PullRequest, Review
from tests.bot.fake_github.server import Reply, Request, route

from .pulls import pull_of

MAX_COMMENTS = 100
TOO_LONG = f"Body is too long (maximum is {MAX_BODY} characters)"
STATES = {"COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", None: "PENDING"}


def anchor_of(body: Mapping[str, Any]) -> Anchor:
    return Anchor(
        body["path"],
        body.get("line"),
        body.get("start_line"),
        body.get("side", "RIGHT"),
        body.get("start_side"),
        body.get("subject_type", "line"),
    )


@route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", needs="pull_requests")
def list_reviews(request: Request) -> Reply:
    page, headers = request.page(pull_of(request).reviews)
    return Reply([answers.review(each) for each in page], headers=headers)


@route("POST", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", needs="pull_requests")
def create_review(request: Request) -> Reply:
    """All of its comments or none."""
    pull, body = pull_of(request), request.body
    commit = body.get("commit_id") or pull.head
    event = body.get("event")
    bot = request.github.app.bot
    _check_text(body, event)
    _check_commit(pull, commit)
    comments = body.get("comments", [])
    if len(comments) > MAX_COMMENTS:
        raise unprocessable(f"Comments is too long (maximum is {MAX_COMMENTS})")
    for comment in comments:
        _check_comment(request, pull, comment, commit)
    if event is None and any(each.state == "PENDING" and each.author == bot for each in pull.reviews):
        raise unprocessable("User can only have one pending review per pull request")
    if event in {"APPROVE", "REQUEST_CHANGES"} and pull.author == bot:
        raise unprocessable(
            f"Can not {'approve' if event == 'APPROVE' else 'request changes on'} your own pull request"
        )
    review = pull.add_review(body.get("body", ""), STATES[event], bot, commit, by_app=True)
    for comment in comments:
        pull.add_comment(review, anchor_of(comment), comment["body"])
    return Reply(answers.review(review))


def _check_text(body: Mapping[str, Any], event: str | None) -> None:
    if event in {"COMMENT", "REQUEST_CHANGES"} and not body.get("body", "").strip():
        raise unprocessable("Review body can't be blank")
    if len(body.get("body", "")) > MAX_BODY:
        raise unprocessable(TOO_LONG)


def _check_commit(pull: PullRequest, commit: str) -> None:
    if not pull.knows(commit):
        raise unprocessable("Commit is not part of the pull request")


def _check_comment(request: Request, pull: PullRequest, comment: Mapping[str, Any], commit: str) -> None:
    if "position" in comment:
        request.github.refusals.append(f"{request.url}: `position` is legacy; the fake knows lines only")
    if not comment["body"].strip():
        raise unprocessable("Pull request review thread comment body can't be blank")
    if len(comment["body"]) > MAX_BODY:
        raise unprocessable(TOO_LONG)
    if problems := pull.anchor_problems(anchor_of(comment), commit):
        raise unprocessable(*problems)


def _review(request: Request) -> Review:
    for review in pull_of(request).reviews:
        if review.id == request.number("review_id"):
            return review
    raise not_found()


@route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", needs="pull_requests")
def get_review(request: Request) -> Reply:
    return Reply(answers.review(_review(request)))


@route("PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", needs="pull_requests")
def update_review(request: Request) -> Reply:
    review = _review(request)
    if review.author != request.github.app.bot:
        raise ApiError(403, {"message": "Resource not accessible by integration"})
    if len(request.body["body"]) > MAX_BODY:
        raise unprocessable(TOO_LONG)
    review.body = request.body["body"]
    return Reply(answers.review(review))


@route("DELETE", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", needs="pull_requests")
def delete_review(request: Request) -> Reply:
    """Pending ones only."""
    review = _review(request)
    if review.state != "PENDING":
        raise unprocessable("Can not delete a non-pending pull request review")
    review.pull.discard(review)
    return Reply(answers.review(review))


@route("POST", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events", needs="pull_requests")
def submit_review(request: Request) -> Reply:
    review = _review(request)
    if review.state != "PENDING":
        raise unprocessable("Can not submit a review that is not pending")
    review.body = request.body.get("body", review.body)
    _check_text({"body": review.body}, request.body["event"])
    review.state = STATES[request.body["event"]]
    return Reply(answers.review(review))


@route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments", needs="pull_requests")
def list_comments_of_review(request: Request) -> Reply:
    page, headers = request.page(_review(request).comments)
    return Reply([answers.review_comment(each) for each in page], headers=headers)
