"""boto3 on the event loop."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "clients/aws"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
S3 = "import boto3\n\ns3 = boto3.client('s3')"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        (S3, "s3.get_object(Bucket='x', Key='y')"),
        (S3, "s3.upload_fileobj(x, 'y', 'z')"),
        (S3, "s3.list_objects_v2(Bucket='x')['Contents']"),
        (S3, "for page in s3.get_paginator('list_objects_v2').paginate(Bucket='x'):\n        print(page)"),
        (S3, "s3.get_waiter('object_exists').wait(Bucket='x')"),
        ("import boto3", "boto3.client('sqs').send_message(QueueUrl='x')"),
        ("from boto3 import client", "client('sns').publish(Message='x')"),
        ("import boto3", "boto3.Session(profile_name='x').client('ses').send_email()"),
        ("from boto3.session import Session", "Session().client('kms').decrypt()"),
        ("import boto3", "boto3.resource('dynamodb').Table('x').put_item(Item={})"),
        ("import boto3", "boto3.resource('s3').Bucket('x').upload_file('y', 'z')"),
        ("import boto3", "boto3.resource('s3').Object('x', 'y').get()"),
        ("import boto3", "for o in boto3.resource('s3').Bucket('x').objects.all():\n        print(o)"),
        ("import boto3", "boto3.resource('s3').meta.client.head_object()"),
        ("from botocore.client import BaseClient", "c: BaseClient = make()\n    c.invoke_model()"),
        ("from mypy_boto3_s3 import S3Client", "c: 'S3Client' = make()\n    c.head_bucket()"),
        ("from types_boto3_sqs.client import SQSClient", "c: SQSClient = make()\n    c.receive_message()"),
    ],
)
def test_each_spelling(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


REACHED = {
    "global of another file": ("from app.files import s3", "s3.head_object()", "s3 = boto3.client('s3')"),
    "self": (
        "from app.files import Files",
        "Files().read('x')",
        (
            "class Files:\n    def __init__(self):\n        self.s3 = boto3.client('s3')\n\n"
            "    def read(self, key):\n        return self.s3.get_object(Bucket='files', Key=key)['Body'].read()"
        ),
    ),
    "property": (
        "from app.files import Files",
        "Files().s3.head_object()",
        "class Files:\n    @property\n    def s3(self):\n        return boto3.client('s3')",
    ),
    "cached factory": (
        "from app.files import client",
        "client().head_object()",
        "import functools\n\n\n@functools.cache\ndef client():\n    return boto3.client('s3')",
    ),
}


@pytest.mark.parametrize(("imports", "call", "files"), REACHED.values(), ids=REACHED)
def test_each_way_of_reaching(imports: str, call: str, files: str) -> None:
    before = with_app("", f"{imports}\n\n\n{ENDPOINT}return {call}\n")
    assert_fixes(
        RULE,
        before,
        before.replace("async def", "def"),
        files={"app/__init__.py": "", "app/files.py": f"import boto3\n\n{files}\n"},
    )


@pytest.mark.parametrize(
    "body",
    [
        "return s3.generate_presigned_url('get_object', Params={})",
        "return s3.generate_presigned_post('x', 'y')",
        "return s3.can_paginate('x')",
        "return s3.get_paginator('x').paginate(Bucket='y')",
        "return s3.get_waiter('x')",
        "return s3.meta.region_name",
        "try:\n        pass\n    except s3.exceptions.NoSuchKey:\n        raise",
        "raise s3.exceptions.ClientError({}, 'x')",
        "s3.close()",
        "return boto3.client('s3')",
        "return boto3.resource('dynamodb').Table('x')",
        "return boto3.resource('dynamodb').Table('x').table_arn",
        "async with aioboto3.Session().client('s3') as c:\n        await c.get_object()",
        "async with get_session().create_client('s3') as c:\n        await c.get_object()",
        "await run_in_threadpool(s3.get_object, Bucket='x')",
        "await asyncio.to_thread(lambda: s3.get_object(Bucket='x'))",
        "return unknown.get_object(Bucket='x')",
        "s3 = unknown\n    return s3.get_object(Bucket='x')",
        "return s3.get_object",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
import asyncio

import aioboto3
from aiobotocore.session import get_session
from fastapi.concurrency import run_in_threadpool

from elsewhere import unknown
{S3}
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app(S3, f"{ENDPOINT}s3.head_object()\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")


def test_pages_are_not_handed_over() -> None:
    loop = "for page in s3.get_paginator('x').paginate():\n        print(page)"
    assert_unfixed(RULE, with_app(S3, f"{ENDPOINT}await x.read()\n    {loop}\n"))
