"""Check runs.

https://docs.github.com/rest/checks/runs
"""

from collections.abc import Mapping
from typing import Any

from tests.bot.fake_github import answers
from tests.bot.fake_github.checks import CheckRun
from tests.bot.fake_github.errors import ApiError, invalid_request, not_found
from tests.bot.fake_github.server import Reply, Request, route

MAX_ANNOTATIONS = 50
MAX_TEXT = 65_535
MAX_MESSAGE = 64 * 1024
MAX_ACTIONS = 3


def _check_output(body: Mapping[str, Any]) -> None:
    """The limits that GitHub's documentation names and its schema does not."""
    output = body.get("output", {})
    for name in ("summary", "text"):
        if len(output.get(name) or "") > MAX_TEXT:
            raise invalid_request(f"Only {MAX_TEXT} characters are allowed; {len(output[name])} were supplied.")
    annotations = output.get("annotations", [])
    if len(annotations) > MAX_ANNOTATIONS:
        raise invalid_request(f"No more than {MAX_ANNOTATIONS} items are allowed; {len(annotations)} were supplied.")
    for annotation in annotations:
        _check_annotation(annotation)
    if len(body.get("actions", [])) > MAX_ACTIONS:
        raise invalid_request(f"No more than {MAX_ACTIONS} items are allowed; {len(body['actions'])} were supplied.")
    if body.get("status") == "completed" and not body.get("conclusion"):
        raise invalid_request("A conclusion is required when the status is completed.")


def _check_annotation(annotation: Mapping[str, Any]) -> None:
    if not annotation["message"]:
        raise invalid_request("annotation.message can't be blank")
    if max(len(annotation.get(name, "").encode()) for name in ("message", "raw_details")) > MAX_MESSAGE:
        raise invalid_request("An annotation's text is at most 64 KB long.")
    if len(annotation.get("title", "")) > 255:
        raise invalid_request("Only 255 characters are allowed in a title.")
    if annotation["start_line"] > annotation["end_line"] or annotation["start_line"] < 1:
        raise invalid_request("annotation.end_line must not precede annotation.start_line")
    if annotation["start_line"] != annotation["end_line"] and {"start_column", "end_column"} & annotation.keys():
        raise invalid_request("Columns are only allowed where an annotation starts and ends on the same line.")


@route("POST", "/repos/{owner}/{repo}/check-runs", needs="checks")
def create_check_run(request: Request) -> Reply:
    repo, body = request.repository, request.body
    _check_output(body)
    if body["head_sha"] not in repo.objects.commits:
        raise ApiError(422, {"message": f"No commit found for SHA: {body['head_sha']}"})
    run = CheckRun(repo, request.github.next_id(), body["name"], body["head_sha"], request.github.now())
    run.update(body, request.github.now())
    repo.check_runs.append(run)
    repo.rerequested.discard(run.head_sha)
    request.github.nodes[run.node_id] = run
    return Reply(answers.check_run(run), 201)


def _check_run(request: Request) -> CheckRun:
    for run in request.repository.check_runs:
        if run.id == request.number("check_run_id"):
            return run
    raise not_found()


@route("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}", needs="checks")
def get_check_run(request: Request) -> Reply:
    return Reply(answers.check_run(_check_run(request)))


@route("PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}", needs="checks")
def update_check_run(request: Request) -> Reply:
    run = _check_run(request)
    _check_output(request.body)
    run.update(request.body, request.github.now())
    request.repository.rerequested.discard(run.head_sha)
    return Reply(answers.check_run(run))


@route("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", needs="checks")
def list_annotations(request: Request) -> Reply:
    run = _check_run(request)
    page, headers = request.page(run.annotations)
    return Reply([answers.annotation(run.repository, each, run.head_sha) for each in page], headers=headers)


@route("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs", needs="checks")
def list_check_runs(request: Request) -> Reply:
    """The latest of each name, unless all are asked for."""
    sha = request.repository.resolve(request.values["ref"])
    if sha is None:
        raise ApiError(422, {"message": f"No commit found for SHA: {request.values['ref']}"})
    runs = request.repository.check_runs_at(sha)
    name, status, app = (request.query.get(key) for key in ("check_name", "status", "app_id"))
    runs = [run for run in runs if name in {None, run.name} and status in {None, run.status}]
    if app not in {None, str(request.github.app.id)}:
        runs = []
    if request.query.get("filter", "latest") == "latest":
        runs = list({run.name: run for run in runs}.values())
    page, headers = request.page(runs[::-1])
    return Reply(answers.listed("check_runs", map(answers.check_run, page), len(runs)), headers=headers)
