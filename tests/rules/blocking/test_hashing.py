"""Password hashes."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_whole_file_fixed, with_app

RULE = "blocking/hashing"

ENDPOINT = '@app.post("/")\nasync def login(p: str):\n    '
AWAITING = '@app.post("/")\nasync def login(request: Request):\n    p = await request.json()\n    '
IMPORTS = """
import asyncio
import hashlib
from hashlib import pbkdf2_hmac, scrypt

import argon2
import bcrypt
import jwt
from argon2 import PasswordHasher
from bcrypt import checkpw as check
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from passlib.context import CryptContext
from passlib.hash import bcrypt as passlib_bcrypt, pbkdf2_sha256
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from werkzeug.security import check_password_hash, generate_password_hash
"""


@pytest.mark.parametrize(
    "call",
    [
        "bcrypt.hashpw(p, bcrypt.gensalt())",
        "bcrypt.hashpw(password=p, salt=bcrypt.gensalt())",
        "check(p, p)",
        "bcrypt.kdf(p, b'', 32, 100)",
        'CryptContext(schemes=["bcrypt"]).hash(p)',
        "CryptContext().verify_and_update(p, p)",
        "passlib_bcrypt.hash(p)",
        "pbkdf2_sha256.using(rounds=3).verify(p, p)",
        "PasswordHash.recommended().hash(p)",
        "PasswordHash((Argon2Hasher(),)).verify(p, p)",
        "Argon2Hasher().hash(p)",
        "PasswordHasher().hash(p)",
        "argon2.PasswordHasher(time_cost=3).verify(p, p)",
        'hashlib.pbkdf2_hmac("sha256", p, b"", 600_000)',
        'pbkdf2_hmac("sha256", p, b"", iterations=ROUNDS)',
        'scrypt(p, salt=b"", n=2**14, r=8, p=1)',
        "generate_password_hash(p)",
        "check_password_hash(p, p)",
        "PBKDF2HMAC().derive(p)",
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(call: str) -> None:
    before = with_app(IMPORTS, f"ROUNDS = 600_000\n\n\n{ENDPOINT}return {call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("return context.verify(p, 'x')", "return await run_in_threadpool(context.verify, p, 'x')"),
        ("if not check(p, b''):\n        pass", "if not await run_in_threadpool(check, p, b''):\n        pass"),
        (
            "return bcrypt.hashpw(p.encode(), bcrypt.gensalt()).decode()",
            "return (await run_in_threadpool(bcrypt.hashpw, p.encode(), bcrypt.gensalt())).decode()",
        ),
    ],
)
def test_the_hash_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    above = f"context = CryptContext()\n\n\n{AWAITING}"
    assert_fixes(RULE, with_app(IMPORTS, f"{above}{body}\n"), with_app(IMPORTS, f"{above}{after}\n"))


def test_a_helper_with_a_context_of_another_file() -> None:
    (finding, *_) = assert_fixes(
        RULE,
        with_app(IMPORTS, f"from app.security import verify\n\n\n{AWAITING}return verify(p)\n"),
        with_app(
            IMPORTS, f"from app.security import verify\n\n\n{AWAITING}return await run_in_threadpool(verify, p)\n"
        ),
        files={
            "app/__init__.py": "",
            "app/hashes.py": "from passlib.context import CryptContext\n\npwd_context = CryptContext(schemes=['bcrypt'])\n",
            "app/security.py": "from app.hashes import pwd_context\n\n\n"
            "def verify(plain):\n    return pwd_context.verify(plain, 'x')\n",
        },
    )
    assert finding.message == (
        "`verify` leads to `CryptContext.verify`, which blocks the event loop in `POST /`: "
        "while it computes, this worker serves no other request."
    )
    assert str(finding.severity) == "error"


def test_a_hasher_on_self_in_a_dependency() -> None:
    assert_whole_file_fixed(
        with_app(
            f"{IMPORTS}\nfrom fastapi import Depends\n",
            """
            class Hasher:
                def __init__(self):
                    self.hasher = PasswordHasher()

                async def check(self, request: Request):
                    return self.hasher.verify("x", await request.json())


            def make_hasher() -> Hasher:
                return Hasher()


            @app.post("/")
            async def login(request: Request, hasher: Hasher = Depends(make_hasher)):
                return await hasher.check(request)
            """,
        )
    )


@pytest.mark.parametrize(
    "body",
    [
        "return bcrypt.gensalt()",
        "return hashlib.sha256(p).hexdigest()",
        "return hashlib.md5(p).digest()",
        'return hashlib.pbkdf2_hmac("sha256", p, b"", 1000)',
        'return hashlib.pbkdf2_hmac("sha256", p, b"", iterations=1)',
        "return CryptContext().needs_update(p)",
        "return CryptContext().identify(p)",
        "return PasswordHasher().check_needs_rehash(p)",
        "return PasswordHash.recommended()",
        'return jwt.encode({}, "key")',
        "return jwt.decode(p, 'key')",
        "return await asyncio.to_thread(bcrypt.hashpw, p, bcrypt.gensalt())",
        "return await run_in_threadpool(bcrypt.checkpw, p, p)",
        "return await run_in_threadpool(lambda: bcrypt.checkpw(p, p))",
        "return unknown.hash(p)",
        "return unknown.verify(p, p)",
        "return hash(p)",
        "bcrypt = unknown\n    return bcrypt.hashpw(p, p)",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.post("/")\ndef login(p: str):\n    return bcrypt.hashpw(p, p)\n',
        'HASH = bcrypt.hashpw(b"", b"")\n',
        '@app.on_event("startup")\nasync def start():\n    bcrypt.hashpw(b"", b"")\n',
    ],
)
def test_what_serves_no_request_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))


def test_a_test_is_left_alone() -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}bcrypt.hashpw(p, p)\n"), path="tests/app.py")
