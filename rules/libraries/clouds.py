"""Google Cloud, Azure and MinIO. The asynchronous clients of Azure live in modules of their own (`azure.….aio`).

https://cloud.google.com/python/docs/reference, https://learn.microsoft.com/en-us/python/api/overview/azure/ and
https://docs.min.io/enterprise/aistor-object-store/developers/sdk/python/api/
"""

from rules.core.facts import Function, Site
from rules.core.library import Blocking, Library, origins

_RULE = "clients/clouds"
_STORAGE, _BUCKET, _BLOB = (f"google.cloud.storage.{name}" for name in ("Client", "Bucket", "Blob"))
_BIGQUERY, _JOB = "google.cloud.bigquery.Client", "google.cloud.bigquery.QueryJob"
_FIRESTORE, _QUERY = "google.cloud.firestore.Client", "google.cloud.firestore.Query"
_COLLECTION, _DOCUMENT = "google.cloud.firestore.CollectionReference", "google.cloud.firestore.DocumentReference"
_BATCH, _PUBLISHED = "google.cloud.firestore.WriteBatch", "google.cloud.pubsub_v1.publisher.futures.Future"
_DISCOVERED = "googleapiclient.discovery.Resource"
_BLOBS, _CONTAINER, _AZURE_BLOB = (
    f"azure.storage.blob.{name}" for name in ("BlobServiceClient", "ContainerClient", "BlobClient")
)
_DOWNLOAD = "azure.storage.blob.StorageStreamDownloader"
_SECRETS, _SEARCH = "azure.keyvault.secrets.SecretClient", "azure.search.documents.SearchClient"
_COSMOS, _COSMOS_DATABASE, _COSMOS_CONTAINER = (
    f"azure.cosmos.{name}" for name in ("CosmosClient", "DatabaseProxy", "ContainerProxy")
)
_TABLES, _SENDER, _POLLER = (
    "azure.data.tables.TableClient",
    "azure.servicebus.ServiceBusSender",
    "azure.core.polling.LROPoller",
)
_TOKENS, _MINIO = "azure.identity.get_bearer_token_provider", "minio.Minio"

_BLOB_CALLS = (
    *("upload_from_file", "upload_from_filename", "upload_from_string", "download_as_bytes", "download_as_string"),
    *("download_as_text", "download_to_file", "download_to_filename", "exists", "delete", "reload", "patch", "update"),
    *("rewrite", "make_public", "make_private", "compose", "update_storage_class"),
)
_BIGQUERY_CALLS = (
    *("query", "query_and_wait", "insert_rows", "insert_rows_json", "load_table_from_file", "load_table_from_json"),
    *("load_table_from_dataframe", "load_table_from_uri", "list_rows", "get_table", "create_table", "delete_table"),
    *("update_table", "get_dataset", "create_dataset", "delete_dataset", "get_job", "extract_table"),
)
_FIRESTORE_BUILDERS = (
    *("where", "order_by", "limit", "limit_to_last", "offset", "start_at", "start_after", "end_at", "end_before"),
    *("select", "find_nearest"),
)
_ON_SERVICES = {
    "secretmanager.SecretManagerServiceClient": (
        *("access_secret_version", "get_secret", "create_secret", "add_secret_version", "delete_secret"),
    ),
    "vision.ImageAnnotatorClient": (
        *("annotate_image", "batch_annotate_images", "text_detection", "document_text_detection", "label_detection"),
        *("face_detection", "safe_search_detection"),
    ),
    "speech.SpeechClient": ("recognize", "long_running_recognize"),
    "texttospeech.TextToSpeechClient": ("synthesize_speech", "list_voices"),
    "translate_v2.Client": ("translate", "detect_language", "get_languages"),
    "translate.TranslationServiceClient": ("translate_text", "detect_language"),
    "tasks_v2.CloudTasksClient": ("create_task", "delete_task", "get_task", "list_tasks"),
    "kms.KeyManagementServiceClient": ("encrypt", "decrypt", "asymmetric_sign"),
    "documentai.DocumentProcessorServiceClient": ("process_document",),
    "pubsub_v1.SubscriberClient": ("pull", "acknowledge", "create_subscription"),
    "pubsub_v1.PublisherClient": ("create_topic", "delete_topic", "get_topic"),
}
_CONTAINER_CALLS = (
    *("upload_blob", "download_blob", "delete_blob", "create_container", "delete_container", "exists"),
    *("get_container_properties", "set_container_metadata", "delete_blobs"),
)
_AZURE_BLOB_CALLS = (
    *("upload_blob", "download_blob", "delete_blob", "exists", "get_blob_properties", "set_blob_metadata"),
    *("start_copy_from_url", "stage_block", "commit_block_list", "append_block", "set_http_headers", "undelete_blob"),
)
_COSMOS_ITEMS = ("create_item", "upsert_item", "read_item", "replace_item", "delete_item", "patch_item")
_MINIO_CALLS = (
    *("get_object", "put_object", "fget_object", "fput_object", "stat_object", "remove_object", "copy_object"),
    *("compose_object", "bucket_exists", "make_bucket", "remove_bucket", "list_buckets", "select_object_content"),
    *("set_bucket_policy", "get_bucket_policy"),
)
_MINIO_SIGNING = ("presigned_get_object", "presigned_put_object", "get_presigned_url")


def _is_made_there(site: Site, function: Function) -> bool:
    """Whether the provider is a new one. It keeps the token that it was given, so one that stays asks once an hour:

    https://learn.microsoft.com/en-us/python/api/azure-identity/azure.identity#azure-identity-get-bearer-token-provider
    """
    return bool(origins(site.call.callee, function, site.line))


library = Library(
    "Clouds",
    blocking=(
        Blocking(_RULE, tuple(f"{_BLOB}.{name}" for name in _BLOB_CALLS)),
        Blocking(
            _RULE,
            tuple(
                f"{_BUCKET}.{name}"
                for name in (
                    *("get_blob", "delete_blob", "delete_blobs", "copy_blob", "rename_blob", "create", "exists"),
                    *("delete", "reload", "patch", "update", "make_public"),
                )
            ),
        ),
        Blocking(_RULE, tuple(f"{_STORAGE}.{name}" for name in ("get_bucket", "create_bucket", "lookup_bucket"))),
        Blocking(_RULE, (f"{_STORAGE}.list_blobs", f"{_STORAGE}.list_buckets", f"{_BUCKET}.list_blobs"), lazy=True),
        Blocking(_RULE, tuple(f"{_BIGQUERY}.{name}" for name in _BIGQUERY_CALLS)),
        Blocking(
            _RULE, tuple(f"{_JOB}.{name}" for name in ("result", "to_dataframe", "to_arrow", "reload", "__iter__"))
        ),
        Blocking(_RULE, (f"{_BIGQUERY}.list_tables", f"{_BIGQUERY}.list_datasets"), lazy=True),
        Blocking(
            _RULE,
            (
                *(f"{_DOCUMENT}.{name}" for name in ("get", "set", "update", "delete", "create")),
                *(f"{owner}.get" for owner in (_COLLECTION, _QUERY)),
                f"{_COLLECTION}.add",
                f"{_BATCH}.commit",
            ),
        ),
        Blocking(_RULE, (f"{_COLLECTION}.stream", f"{_QUERY}.stream", f"{_FIRESTORE}.get_all"), lazy=True),
        Blocking(_RULE, (f"{_PUBLISHED}.result",)),
        Blocking(
            _RULE, tuple(f"google.cloud.{owner}.{name}" for owner, names in _ON_SERVICES.items() for name in names)
        ),
        Blocking(_RULE, (f"{_DISCOVERED}.execute", "googleapiclient.http.MediaIoBaseDownload.next_chunk")),
        Blocking(_RULE, ("google.oauth2.id_token.verify_oauth2_token", "google.oauth2.id_token.verify_firebase_token")),
        Blocking(_RULE, tuple(f"{_CONTAINER}.{name}" for name in _CONTAINER_CALLS)),
        Blocking(_RULE, tuple(f"{_AZURE_BLOB}.{name}" for name in _AZURE_BLOB_CALLS)),
        Blocking(_RULE, tuple(f"{_BLOBS}.{name}" for name in ("create_container", "delete_container"))),
        Blocking(
            _RULE, (f"{_CONTAINER}.list_blobs", f"{_CONTAINER}.walk_blobs", f"{_BLOBS}.list_containers"), lazy=True
        ),
        Blocking(_RULE, tuple(f"{_DOWNLOAD}.{name}" for name in ("readall", "readinto", "content_as_bytes", "read"))),
        Blocking(_RULE, (f"{_BLOBS}.get_user_delegation_key",)),
        Blocking(_RULE, tuple(f"{_SECRETS}.{name}" for name in ("get_secret", "set_secret", "begin_delete_secret"))),
        Blocking(_RULE, tuple(f"{_COSMOS_CONTAINER}.{name}" for name in _COSMOS_ITEMS)),
        Blocking(_RULE, (f"{_COSMOS_CONTAINER}.query_items", f"{_COSMOS_CONTAINER}.read_all_items"), lazy=True),
        Blocking(
            _RULE,
            (
                *(f"{_COSMOS}.{name}" for name in ("create_database", "create_database_if_not_exists")),
                *(f"{_COSMOS_DATABASE}.{name}" for name in ("create_container", "create_container_if_not_exists")),
            ),
        ),
        Blocking(
            _RULE,
            tuple(
                f"{_SEARCH}.{name}"
                for name in (
                    *("upload_documents", "merge_documents", "merge_or_upload_documents", "delete_documents"),
                    *("get_document", "get_document_count", "index_documents", "autocomplete", "suggest"),
                )
            ),
        ),
        Blocking(_RULE, (f"{_SEARCH}.search",), lazy=True),
        Blocking(
            _RULE,
            tuple(
                f"{_TABLES}.{name}"
                for name in (
                    "create_entity",
                    "upsert_entity",
                    "update_entity",
                    "get_entity",
                    "delete_entity",
                    "create_table",
                )
            ),
        ),
        Blocking(_RULE, (f"{_TABLES}.query_entities", f"{_TABLES}.list_entities"), lazy=True),
        Blocking(_RULE, (f"{_SENDER}.send_messages", f"{_SENDER}.schedule_messages")),
        Blocking(_RULE, (f"{_POLLER}.result", f"{_POLLER}.wait")),
        Blocking(
            _RULE,
            tuple(
                f"azure.identity.{name}.get_token"
                for name in ("DefaultAzureCredential", "ClientSecretCredential", "ManagedIdentityCredential")
            ),
        ),
        Blocking(_RULE, (f"{_TOKENS}.__call__",), when=_is_made_there),
        Blocking(_RULE, tuple(f"{_MINIO}.{name}" for name in _MINIO_CALLS)),
        Blocking(_RULE, (f"{_MINIO}.list_objects", f"{_MINIO}.remove_objects"), lazy=True),
        Blocking(_RULE, tuple(f"{_MINIO}.{name}" for name in _MINIO_SIGNING), first="region"),  # it asks for the region
    ),
    aliases={
        "google.cloud.storage.client.Client": _STORAGE,
        "google.cloud.storage.bucket.Bucket": _BUCKET,
        "google.cloud.storage.client.Bucket": _BUCKET,
        "google.cloud.storage.blob.Blob": _BLOB,
        "google.cloud.bigquery.client.Client": _BIGQUERY,
        "google.cloud.bigquery.job.QueryJob": _JOB,
        "google.cloud.firestore_v1.Client": _FIRESTORE,
        "google.cloud.firestore_v1.client.Client": _FIRESTORE,
        "google.cloud.firestore_v1.CollectionReference": _COLLECTION,
        "google.cloud.firestore_v1.DocumentReference": _DOCUMENT,
        "google.cloud.secretmanager_v1": "google.cloud.secretmanager",
        "google.cloud.vision_v1": "google.cloud.vision",
        "google.cloud.speech_v1": "google.cloud.speech",
        "minio.api.Minio": _MINIO,
    },
    results={
        **{f"{_STORAGE}.{name}": _BUCKET for name in ("bucket", "get_bucket", "create_bucket", "lookup_bucket")},
        f"{_STORAGE}.from_service_account_json": _STORAGE,
        f"{_STORAGE}.from_service_account_info": _STORAGE,
        "firebase_admin.storage.bucket": _BUCKET,
        **{f"{_BUCKET}.{name}": _BLOB for name in ("blob", "get_blob", "copy_blob", "rename_blob")},
        f"{_BIGQUERY}.query": _JOB,
        "firebase_admin.firestore.client": _FIRESTORE,
        **{f"{_FIRESTORE}.{name}": _COLLECTION for name in ("collection",)},
        f"{_FIRESTORE}.collection_group": _QUERY,
        f"{_FIRESTORE}.document": _DOCUMENT,
        f"{_FIRESTORE}.batch": _BATCH,
        f"{_COLLECTION}.document": _DOCUMENT,
        f"{_DOCUMENT}.collection": _COLLECTION,
        **{f"{owner}.{name}": _QUERY for owner in (_COLLECTION, _QUERY) for name in _FIRESTORE_BUILDERS},
        "google.cloud.pubsub_v1.PublisherClient.publish": _PUBLISHED,
        "googleapiclient.discovery.build": _DISCOVERED,
        f"{_DISCOVERED}.*": "self",
        f"{_DISCOVERED}.execute": "builtins.dict",
        f"{_BLOBS}.from_connection_string": _BLOBS,
        f"{_CONTAINER}.from_connection_string": _CONTAINER,
        f"{_AZURE_BLOB}.from_connection_string": _AZURE_BLOB,
        f"{_BLOBS}.get_container_client": _CONTAINER,
        f"{_BLOBS}.create_container": _CONTAINER,
        f"{_BLOBS}.get_blob_client": _AZURE_BLOB,
        f"{_CONTAINER}.get_blob_client": _AZURE_BLOB,
        f"{_CONTAINER}.upload_blob": _AZURE_BLOB,
        f"{_CONTAINER}.download_blob": _DOWNLOAD,
        f"{_AZURE_BLOB}.download_blob": _DOWNLOAD,
        f"{_COSMOS}.from_connection_string": _COSMOS,
        **{
            f"{_COSMOS}.{name}": _COSMOS_DATABASE
            for name in ("get_database_client", "create_database", "create_database_if_not_exists")
        },
        **{
            f"{_COSMOS_DATABASE}.{name}": _COSMOS_CONTAINER
            for name in ("get_container_client", "create_container", "create_container_if_not_exists")
        },
        f"{_TABLES}.from_connection_string": _TABLES,
        "azure.data.tables.TableServiceClient.from_connection_string": "azure.data.tables.TableServiceClient",
        "azure.data.tables.TableServiceClient.get_table_client": _TABLES,
        **{f"azure.servicebus.ServiceBusClient.get_{kind}_sender": _SENDER for kind in ("queue", "topic")},
        "azure.servicebus.ServiceBusClient.from_connection_string": "azure.servicebus.ServiceBusClient",
        f"{_SECRETS}.begin_delete_secret": _POLLER,
        _TOKENS: _TOKENS,
    },
    exclusive=frozenset({_DISCOVERED}),  # https://googleapis.github.io/google-api-python-client/docs/thread_safety.html
)
