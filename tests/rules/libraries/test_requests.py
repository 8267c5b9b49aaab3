"""Sessions that other packages derive from that of Requests."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, with_app

RULE = "clients/requests"

ENDPOINT = '@app.get("/")\nasync def home():\n    '
IMPORTS = """
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.requests_client import OAuth2Session as Authlib
from requests_cache import CachedSession
from requests_oauthlib import OAuth1Session, OAuth2Session
from requests_toolbelt.sessions import BaseUrlSession
"""


@pytest.mark.parametrize(
    "body",
    [
        'OAuth2Session("id").get("x")',
        's = OAuth2Session("id")\n    s.fetch_token("x")',
        'with OAuth1Session("id") as s:\n        s.fetch_request_token("x")',
        'CachedSession().post("x")',
        'BaseUrlSession("x").request("GET", "y")',
        'Authlib("id").fetch_token("x")',
        'Authlib("id").get("x")',
    ],
)
def test_what_blocks(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    "body",
    [
        'OAuth2Session("id").authorization_url("x")',
        'OAuth2Session("id").close()',
        'await AsyncOAuth2Client("id").fetch_token("x")',
        "CachedSession()",
    ],
)
def test_what_does_not(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))
