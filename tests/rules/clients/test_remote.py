"""Mail, FTP, SSH, LDAP, gRPC and Git on the event loop."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "clients/remote"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
GRPC = "import grpc\nfrom app.greeter_pb2_grpc import GreeterStub\n\nstub = GreeterStub(grpc.insecure_channel('x'))"
STUB = """
class GreeterStub(object):
    def __init__(self, channel):
        self.SayHello = channel.unary_unary("/greeter/SayHello")
"""


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import smtplib", "smtplib.SMTP('mail', 25)"),
        (
            "import smtplib",
            "with smtplib.SMTP_SSL(host='mail') as s:\n        s.login('x', 'y')\n        s.send_message(x)",
        ),
        ("from smtplib import SMTP", "s = SMTP()\n    s.connect('mail')"),
        ("import imaplib", "imaplib.IMAP4_SSL('mail').login('x', 'y')"),
        ("import poplib", "poplib.POP3('mail')"),
        ("from ftplib import FTP", "FTP('files').retrbinary('RETR x', x)"),
        ("from ftplib import FTP_TLS", "FTP_TLS('files')"),
        ("import paramiko", "paramiko.SSHClient().connect('x')"),
        ("from paramiko.client import SSHClient", "SSHClient().exec_command('ls')"),
        ("import paramiko", "paramiko.SSHClient().open_sftp().get('x', 'y')"),
        ("from fabric import Connection", "Connection('x').run('ls')"),
        ("import pysftp", "with pysftp.Connection('x') as c:\n        c.put('y')"),
        ("import ldap3", "ldap3.Connection('x', auto_bind=ldap3.AUTO_BIND_NO_TLS)"),
        ("from ldap3 import Connection", "Connection('x', auto_bind=True).search('y', 'z')"),
        ("import ldap", "ldap.initialize('x').simple_bind_s('y', 'z')"),
        ("import grpc", "grpc.channel_ready_future(grpc.insecure_channel('x')).result()"),
        ("from git import Repo", "Repo.clone_from('x', 'y')"),
        ("import git", "git.Repo('x').git.checkout('y')"),
        ("from git import Repo", "Repo('x').remotes.origin.pull()"),
    ],
)
def test_each_protocol(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


def test_a_stub_of_grpc() -> None:
    before = with_app(GRPC, f"{ENDPOINT}return stub.SayHello(x)\n")
    files = {"app/__init__.py": "", "app/greeter_pb2_grpc.py": STUB}
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


def test_a_mailer_of_another_file() -> None:
    before = with_app("", f"from app.mail import Mailer\n\n\n{ENDPOINT}Mailer('mail').send(x)\n")
    files = {
        "app/__init__.py": "",
        "app/mail.py": """
            import smtplib


            class Mailer:
                def __init__(self, host):
                    self.host = host

                def send(self, message):
                    with smtplib.SMTP(self.host) as server:
                        server.send_message(message)
        """,
    }
    findings = assert_fixes(RULE, before, before.replace("async def", "def"), files=files)
    assert len(findings) == 1


@pytest.mark.parametrize(
    "body",
    [
        "return smtplib.SMTP()",
        "return ftplib.FTP()",
        "client = paramiko.SSHClient()\n    client.set_missing_host_key_policy(x)",
        "return paramiko.RSAKey",
        "return ldap3.Server('x')",
        "return ldap3.Connection('x')",
        "return ldap3.Connection('x', auto_bind='NONE')",
        "return ldap3.Connection('x', auto_bind=False)",
        "return ldap3.Connection('x', auto_bind=ldap3.AUTO_BIND_NONE)",
        "await aiosmtplib.send(x)",
        "async with asyncssh.connect('x') as c:\n        await c.run('ls')",
        "return grpc.insecure_channel('x')",
        "async with grpc.aio.insecure_channel('x') as channel:\n        return channel",
        "await run_in_threadpool(smtplib.SMTP, 'x')",
        "return git.Repo('x').head.commit.hexsha",
        "return git.Repo('x').remotes.origin.url",
        "return unknown.send_message(x)",
        "smtplib = unknown\n    return smtplib.SMTP('x')",
        "return Connection('x').run('ls')",
    ],
)
def test_left_alone(body: str) -> None:
    imports = """
import ftplib
import smtplib

import aiosmtplib
import asyncssh
import git
import grpc
import ldap3
import paramiko
from fastapi.concurrency import run_in_threadpool

from elsewhere import Connection, unknown
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app("import smtplib", f"{ENDPOINT}smtplib.SMTP('mail')\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")


def test_a_server_that_is_entered_is_not_handed_over() -> None:
    body = f"{ENDPOINT}await x.read()\n    with smtplib.SMTP('mail') as server:\n        print(server)\n"
    assert_unfixed(RULE, with_app("import smtplib", body))
