"""AWS by boto3. A client's operations are made at run time, so all of its members are requests but for these few.

https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html and
https://boto3.amazonaws.com/v1/documentation/api/latest/guide/resources.html
"""

from rules.core.library import Blocking, Library

_RULE = "clients/aws"
_CLIENT, _RESOURCE = "botocore.client.BaseClient", "boto3.resources.base.ServiceResource"
_META, _PAGES = "boto3.resources.model.ResourceMeta", "botocore.paginate.PageIterator"
_PAGINATOR, _WAITER = "botocore.paginate.Paginator", "botocore.waiter.Waiter"
_SESSIONS = ("boto3", "boto3.Session")

_TRANSFERS = ("upload_file", "upload_fileobj", "download_file", "download_fileobj", "copy")
# What the resources do that applications use most.
_ON_RESOURCES = {
    "Table": (
        *("get_item", "put_item", "update_item", "delete_item", "query", "scan", "load", "reload", "delete"),
        "wait_until_exists",
    ),
    "Bucket": (*_TRANSFERS, "put_object", "delete_objects", "create", "delete", "load", "wait_until_exists"),
    "Object": (*_TRANSFERS, "get", "put", "delete", "load", "reload", "copy_from", "wait_until_exists"),
    "Queue": ("send_message", "send_messages", "receive_messages", "delete_messages", "purge", "load"),
    "Topic": ("publish", "subscribe", "load"),
    "Instance": ("start", "stop", "terminate", "reboot", "load", "reload", "wait_until_running"),
}
# Annotations of the published stubs: https://pypi.org/project/boto3-stubs/
_STUBS = {
    "s3": "S3",
    "sqs": "SQS",
    "sns": "SNS",
    "ses": "SES",
    "sesv2": "SESV2",
    "dynamodb": "DynamoDB",
    "lambda": "Lambda",
    "secretsmanager": "SecretsManager",
    "ssm": "SSM",
    "cognito_idp": "CognitoIdentityProvider",
    "bedrock_runtime": "BedrockRuntime",
    "kms": "KMS",
    "sts": "STS",
}

library = Library(
    "AWS",
    blocking=(
        Blocking(_RULE, (f"{_CLIENT}.*",)),
        Blocking(_RULE, (f"{_PAGES}.__iter__", f"{_PAGES}.build_full_result", f"{_WAITER}.wait")),
        Blocking(_RULE, (f"{_PAGES}.search",), lazy=True),
        Blocking(_RULE, tuple(f"{_RESOURCE}.{kind}.{name}" for kind, names in _ON_RESOURCES.items() for name in names)),
        Blocking(
            _RULE,
            tuple(
                f"{_RESOURCE}.{name}"
                for name in (
                    *("batch_get_item", "batch_write_item", "create_table", "create_bucket", "get_queue_by_name"),
                    *("create_queue", "create_topic", "create_instances"),
                )
            ),
        ),
        Blocking(_RULE, (f"{_RESOURCE}.Bucket.objects.all", f"{_RESOURCE}.Bucket.objects.filter"), lazy=True),
        Blocking(_RULE, (f"{_RESOURCE}.Bucket.objects.delete",)),
    ),
    aliases={
        "boto3.session.Session": "boto3.Session",
        **{
            f"{stubs}_{service}.{module}{name}Client": _CLIENT
            for stubs in ("mypy_boto3", "types_boto3")
            for service, name in _STUBS.items()
            for module in ("", "client.")
        },
    },
    results={
        **{f"{session}.client": _CLIENT for session in _SESSIONS},
        **{f"{session}.resource": _RESOURCE for session in _SESSIONS},
        "botocore.session.get_session": "botocore.session.Session",
        "botocore.session.Session.create_client": _CLIENT,
        f"{_CLIENT}.get_paginator": _PAGINATOR,
        f"{_CLIENT}.get_waiter": _WAITER,
        f"{_PAGINATOR}.paginate": _PAGES,
        f"{_RESOURCE}.get_queue_by_name": f"{_RESOURCE}.Queue",
        f"{_RESOURCE}.create_queue": f"{_RESOURCE}.Queue",
        f"{_RESOURCE}.create_table": f"{_RESOURCE}.Table",
    },
    attributes={
        f"{_RESOURCE}.meta": _META,
        **{f"{_RESOURCE}.{kind}.meta": _META for kind in _ON_RESOURCES},
        f"{_META}.client": _CLIENT,
    },
    unproven=frozenset(
        {_RESOURCE, f"{_RESOURCE}.*"}
    ),  # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/resources.html#multithreading-or-multiprocessing-with-resources
    quick=frozenset(
        f"{_CLIENT}.{name}"
        for name in (
            *("generate_presigned_url", "generate_presigned_post", "generate_db_auth_token", "can_paginate", "close"),
            "get_available_subresources",
        )
    ),
)
