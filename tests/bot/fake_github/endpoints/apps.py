"""The App, its installations and its deliveries.

https://docs.github.com/rest/apps
"""

from tests.bot.fake_github import answers
from tests.bot.fake_github.errors import ApiError, forbidden, not_found
from tests.bot.fake_github.server import Reply, Request, route
from tests.bot.fake_github.tokens import Installation, mint


@route("GET", "/app", caller="app")
def get_app(request: Request) -> Reply:
    app = request.github.app
    return Reply({**answers.app(request.github, app), "installations_count": len(request.github.installations)})


@route("GET", "/app/installations", caller="app")
def list_installations(request: Request) -> Reply:
    found, headers = request.page(list(request.github.installations.values()))
    return Reply([answers.installation(request.github, each) for each in found], headers=headers)


def _installation(request: Request) -> Installation:
    found = request.github.installations.get(request.number("installation_id"))
    if found is None:
        raise not_found()
    return found


@route("GET", "/app/installations/{installation_id}", caller="app")
def get_installation(request: Request) -> Reply:
    return Reply(answers.installation(request.github, _installation(request)))


@route("GET", "/repos/{owner}/{repo}/installation", caller="app")
def get_repository_installation(request: Request) -> Reply:
    found = request.github.installation_of(request.repository)
    if found is None:
        raise not_found()
    return Reply(answers.installation(request.github, found))


@route("POST", "/app/installations/{installation_id}/access_tokens", caller="app")
def create_token(request: Request) -> Reply:
    installation = _installation(request)
    if installation.suspended_at:
        raise forbidden("This installation has been suspended")
    github = request.github
    shape = request.headers.get("x-github-stateless-s2s-token")
    stateless = github.stateless_tokens if shape is None else shape == "enabled"
    token = mint(installation, request.body, github.now(), github.visible(installation), stateless=stateless)
    github.tokens[token.text] = token
    return Reply(answers.token(token), 201)


@route("DELETE", "/installation/token")
def revoke_token(request: Request) -> Reply:
    if request.token:
        del request.github.tokens[request.token.text]
    return Reply(status=204)


@route("GET", "/installation/repositories")
def list_repositories(request: Request) -> Reply:
    token = request.token
    visible = [each for each in request.github.repositories.values() if token and token.covers(each)]
    found, headers = request.page(visible)
    return Reply(answers.listed("repositories", map(answers.repository, found), len(visible)), headers=headers)


@route("GET", "/app/hook/deliveries", caller="app")
def list_deliveries(request: Request) -> Reply:
    """Newest first, paged by cursor."""
    deliveries = sorted(request.github.deliveries, key=lambda each: -each.id)
    if cursor := request.query.get("cursor"):
        deliveries = [each for each in deliveries if each.id < int(cursor)]
    if status := request.query.get("status"):
        deliveries = [each for each in deliveries if (200 <= each.status_code < 400) == (status == "success")]
    size = min(int(request.query.get("per_page", "30")), 100)
    headers = {}
    if len(deliveries) > size:
        cursor = str(deliveries[size - 1].id)
        headers["link"] = f'<{request.url}?per_page={size}&cursor={cursor}>; rel="next"'
    return Reply([each.summary() for each in deliveries[:size]], headers=headers)


@route("GET", "/app/hook/deliveries/{delivery_id}", caller="app")
def get_delivery(request: Request) -> Reply:
    for delivery in request.github.deliveries:
        if delivery.id == request.number("delivery_id"):
            return Reply(delivery.whole())
    raise not_found()


@route("POST", "/app/hook/deliveries/{delivery_id}/attempts", caller="app")
def redeliver(request: Request) -> Reply:
    for delivery in request.github.deliveries:
        if delivery.id == request.number("delivery_id"):
            request.github.redeliveries.append(delivery)
            return Reply({}, 202)
    raise not_found()


def _hook(request: Request) -> Reply:
    app = request.github.app
    config = {"content_type": "json", "insecure_ssl": "0", "secret": "********"}
    return Reply(config | ({"url": app.webhook_url} if app.webhook_url else {}))


@route("GET", "/app/hook/config", caller="app")
def get_hook(request: Request) -> Reply:
    return _hook(request)


@route("PATCH", "/app/hook/config", caller="app")
def set_hook(request: Request) -> Reply:
    app = request.github.app
    app.webhook_url = request.body.get("url", app.webhook_url)
    app.webhook_secret = request.body.get("secret", app.webhook_secret)
    return _hook(request)


@route("POST", "/app-manifests/{code}/conversions", caller="anyone")
def convert_manifest(request: Request) -> Reply:
    """A code serves once."""
    if request.values["code"] not in request.github.manifest_codes:
        raise not_found()
    request.github.manifest_codes.remove(request.values["code"])
    app = request.github.app
    secrets = {"client_secret": "made by the fake", "webhook_secret": app.webhook_secret, "pem": app.private_key}
    return Reply({**answers.app(request.github, app), **secrets}, 201)


@route("GET", "/rate_limit")
def rate_limit(request: Request) -> Reply:
    bucket = {"limit": 5000, "used": 0, "remaining": 5000, "reset": 0}
    names = ("core", "search", "graphql")
    return Reply({"resources": dict.fromkeys(names, bucket), "rate": bucket})


@route("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission")
def get_permission(request: Request) -> Reply:
    """`permission` knows four levels only: maintain counts as write, triage as read."""
    login = request.values["username"]
    if login not in request.github.accounts:
        raise ApiError(404, {"message": f"{login} is not a user"})
    role = request.repository.role(login)
    permission = {"maintain": "write", "triage": "read"}.get(role, role)
    who = answers.account(request.github, request.github.accounts[login])
    return Reply({"permission": permission, "role_name": role, "user": {**who, "role_name": role}})
