"""Google Cloud, Azure and MinIO on the event loop."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, found, with_app

RULE = "clients/clouds"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
STORAGE = "from google.cloud import storage\n\nbucket = storage.Client().bucket('x')"
FIRESTORE = "from google.cloud import firestore\n\ndb = firestore.Client()"
AZURE = "from azure.storage.blob import BlobServiceClient\n\nblobs = BlobServiceClient.from_connection_string('x')"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        (STORAGE, "bucket.blob('x').upload_from_string('y')"),
        (STORAGE, "for blob in bucket.list_blobs():\n        print(blob)"),
        ("from google.cloud.storage import Client", "Client().get_bucket('x')"),
        ("from google.cloud import bigquery", "bigquery.Client().query('x').result()"),
        ("from google.cloud import bigquery", "for row in bigquery.Client().query('x'):\n        print(row)"),
        (FIRESTORE, "db.collection('x').document('y').get().to_dict()"),
        (FIRESTORE, "db.collection('x').where('a', '==', 1).get()"),
        (FIRESTORE, "for d in db.collection('x').order_by('a').stream():\n        print(d)"),
        ("from firebase_admin import firestore", "firestore.client().collection('x').add({})"),
        ("from google.cloud import pubsub_v1", "pubsub_v1.PublisherClient().publish('x', b'y').result()"),
        (
            "from google.cloud import secretmanager",
            "secretmanager.SecretManagerServiceClient().access_secret_version()",
        ),
        ("from googleapiclient.discovery import build", "build('drive', 'v3').files().list().execute()"),
        ("from google.oauth2 import id_token", "id_token.verify_oauth2_token('x', None)"),
        (AZURE, "blobs.get_blob_client('x', 'y').upload_blob(b'z')"),
        (AZURE, "blobs.get_container_client('x').download_blob('y').readall()"),
        ("from azure.keyvault.secrets import SecretClient", "SecretClient('x', None).get_secret('y')"),
        (
            "from azure.cosmos import CosmosClient",
            "CosmosClient('x').get_database_client('y').get_container_client('z').upsert_item({})",
        ),
        (
            "from azure.search.documents import SearchClient",
            "for r in SearchClient('x').search('y'):\n        print(r)",
        ),
        ("from minio import Minio", "Minio('x').put_object('y', 'z', b'', 0)"),
    ],
)
def test_each_cloud(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


def test_a_storage_behind_an_interface() -> None:
    before = with_app("", f"from app.files import Files\n\n\n{ENDPOINT}return Files().read('x')\n")
    files = {
        "app/__init__.py": "",
        "app/files.py": """
            from google.cloud import storage


            class Files:
                def __init__(self):
                    self.bucket = storage.Client().bucket("files")

                def read(self, name):
                    return self.bucket.blob(name).download_as_bytes()
        """,
    }
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


@pytest.mark.parametrize(
    "body",
    [
        "return bucket.blob('x')",
        "return bucket.blob('x').generate_signed_url()",
        "return bucket.blob('x').public_url",
        "return bucket.list_blobs()",
        "return db.collection('x').document('y')",
        "return db.collection('x').where('a', '==', 1).stream()",
        "return await firestore.AsyncClient().collection('x').document('y').get()",
        "async with aio.BlobServiceClient('x') as c:\n        await c.get_blob_client('x', 'y').upload_blob(b'')",
        "return blobs.get_container_client('x').list_blobs()",
        "return blobs.get_blob_client('x', 'y').url",
        "await run_in_threadpool(bucket.blob('x').download_as_bytes)",
        "return build('drive', 'v3').files().list()",
        "return unknown.blob('x').download_as_bytes()",
        "bucket = unknown\n    return bucket.blob('x').download_as_bytes()",
        "return pubsub_v1.PublisherClient().publish('x', b'y')",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
from azure.storage.blob import aio
from fastapi.concurrency import run_in_threadpool
from google.cloud import pubsub_v1
from googleapiclient.discovery import build

from elsewhere import unknown
{STORAGE}
{FIRESTORE}
{AZURE}
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app(STORAGE, f"{ENDPOINT}bucket.blob('x').exists()\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")


def test_pages_are_not_handed_over() -> None:
    body = f"{ENDPOINT}await x.read()\n    for blob in bucket.list_blobs():\n        print(blob)\n"
    assert_unfixed(RULE, with_app(STORAGE, body))


SIGNED = """
import asyncio

from fastapi import Depends, FastAPI
from minio import Minio

app = FastAPI()


class Storage:
    def __init__(self):
        self.client = Minio("host"{region})

    def link(self, name: str) -> str:
        return self.client.presigned_get_object("files", name)


{provide}

@app.get("/{{name}}")
async def link(name: str, storage: Storage = Depends(provide)):
    await asyncio.sleep(0)
    return storage.link(name)
"""
EACH = "def provide() -> Storage:\n    return Storage()\n"
SHARED = "storage = Storage()\n\n\ndef provide() -> Storage:\n    return storage\n"


def test_a_new_client_asks_for_the_region_before_it_signs() -> None:
    (finding,) = found(RULE, SIGNED.format(region="", provide=EACH))
    assert "`Minio.presigned_get_object`" in finding.message


@pytest.mark.parametrize(("region", "provide"), [(', region="eu-west-1"', EACH), ("", SHARED)])
def test_a_client_that_knows_the_region_only_signs(region: str, provide: str) -> None:
    assert_clean(RULE, SIGNED.format(region=region, provide=provide))
