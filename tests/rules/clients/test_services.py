"""Clients of well-known services on the event loop."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, with_app

RULE = "clients/services"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
TWILIO = "from twilio.rest import Client\n\nclient = Client()"
SUPABASE = "from supabase import create_client"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import stripe", "stripe.Customer.create(email='x')"),
        ("import stripe", "stripe.checkout.Session.create(mode='payment')"),
        ("from stripe import PaymentIntent", "PaymentIntent.retrieve('x')"),
        (TWILIO, "client.messages.create(to='x')"),
        (TWILIO, "client.verify.v2.services('x').verifications.create(to='y')"),
        ("from slack_sdk import WebClient", "WebClient().chat_postMessage(channel='x')"),
        ("from slack_sdk.web.client import WebClient", "WebClient().users_info(user='x')"),
        ("from slack_sdk.webhook import WebhookClient", "WebhookClient('x').send(text='y')"),
        ("from sendgrid import SendGridAPIClient", "SendGridAPIClient('x').send('y')"),
        ("import resend", "resend.Emails.send({})"),
        ("from github import Github", "Github().get_repo('x/y').get_contents('z')"),
        ("from jira import JIRA", "JIRA('x').search_issues('y')"),
        ("import hvac", "hvac.Client().secrets.kv.v2.read_secret_version(path='x')"),
        ("import docker", "docker.from_env()"),
        ("import docker", "docker.DockerClient().containers.run('x')"),
        ("import docker", "docker.DockerClient().containers.get('x').logs()"),
        ("from kubernetes import client", "client.CoreV1Api().list_namespaced_pod('x')"),
        ("import gspread", "gspread.service_account().open('x').sheet1.get_all_records()"),
        ("from firebase_admin import auth", "auth.verify_id_token('x')"),
        ("from firebase_admin import messaging", "messaging.send(x)"),
        ("from firebase_admin import db", "db.reference('x').child('y').get()"),
        ("from supabase import create_client", "create_client('a', 'b').table('x').select('*').eq('a', 1).execute()"),
        (SUPABASE, "create_client('a', 'b').auth.reset_password_for_email('x')"),
        (SUPABASE, "create_client('a', 'b').storage.from_('x').upload('y', b'z')"),
        ("from algoliasearch.search.client import SearchClientSync", "SearchClientSync('x', 'y').search({})"),
    ],
)
def test_each_service(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


def test_a_service_behind_a_class_of_the_project() -> None:
    before = with_app("", f"from app.slack import Notifier\n\n\n{ENDPOINT}return Notifier().tell('x')\n")
    files = {
        "app/__init__.py": "",
        "app/slack.py": """
            from slack_sdk import WebClient


            class Notifier:
                def __init__(self):
                    self._client = WebClient()

                def tell(self, text):
                    self._client.chat_postMessage(channel="c", text=text)
        """,
    }
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


@pytest.mark.parametrize(
    "body",
    [
        "return await stripe.Customer.create_async(email='x')",
        "return stripe.Webhook.construct_event('x', 'y', 'z')",
        "return stripe.Customer",
        "return await AsyncWebClient().chat_postMessage(channel='x')",
        "return await client.messages.create_async(to='x')",
        "return WebClient.validate_slack_signature(signing_secret='x', data='y')",
        "return await messaging.send_each_async([])",
        "return auth.create_custom_token('x')",
        "return messaging.Message(token='x')",
        "return supabase.table('x').select('*')",
        "return supabase.storage.from_('x').get_public_url('y')",
        "return kubernetes.CoreV1Api().list_node(async_req=True)",
        "return kubernetes.V1Pod()",
        "daemon.close()",
        "await run_in_threadpool(stripe.Customer.create, email='x')",
        "return unknown.containers.run('x')",
        "client = unknown\n    return client.messages.create(to='x')",
        "stripe = unknown\n    return stripe.Customer.create()",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
import stripe
from fastapi.concurrency import run_in_threadpool
from firebase_admin import auth, messaging
from kubernetes import client as kubernetes
from slack_sdk import WebClient
from slack_sdk.web.async_client import AsyncWebClient

from elsewhere import unknown
{TWILIO}
import docker

daemon = docker.DockerClient()
{SUPABASE}

supabase = create_client("a", "b")
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app("import stripe", f"{ENDPOINT}stripe.Customer.create()\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")


def test_a_token_that_is_verified_in_a_dependency() -> None:
    before = with_app(
        "from fastapi import Depends, Header\nfrom firebase_admin import auth",
        """
        async def user(authorization: str = Header()):
            return auth.verify_id_token(authorization)


        @app.get("/")
        async def home(user=Depends(user)):
            return user
        """,
    )
    findings = assert_fixes(RULE, before, before.replace("async def user", "def user"))
    assert "in the dependency `user`" in findings[0].message


@pytest.mark.parametrize("name", ["send_each", "send_each_for_multicast"])
def test_firebase_with_a_coroutine_of_its_own(name: str) -> None:
    before = with_app("from firebase_admin import messaging", f"{ENDPOINT}messaging.{name}(x, dry_run=True)\n")
    assert_fixes(RULE, before, before.replace(f"messaging.{name}(", f"await messaging.{name}_async("))
