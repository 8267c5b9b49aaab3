"""Clients of well-known services: payments, messages, code hosts, secrets, containers, sheets, hosted databases.

https://docs.stripe.com/api, https://elevenlabs.io/docs/api-reference, https://www.twilio.com/docs/libraries/python, https://docs.slack.dev/tools/python-slack-sdk/,
https://docker-py.readthedocs.io/, https://firebase.google.com/docs/reference/admin/python and the pages of each other one.
"""

from rules.core.facts import Constant, Function, Site
from rules.core.library import Blocking, Library, Twin

_RULE = "clients/services"
_TWILIO, _VERIFY = "twilio.rest.Client", "twilio.rest.verify.v2.service.ServiceContext"
_GITHUB, _REPOSITORY, _JIRA, _HVAC = "github.Github", "github.Repository.Repository", "jira.JIRA", "hvac.Client"
_DOCKER, _CONTAINER = "docker.DockerClient", "docker.models.containers.Container"
_SHEETS, _SPREADSHEET, _WORKSHEET = "gspread.Client", "gspread.Spreadsheet", "gspread.Worksheet"
_SUPABASE, _TABLE, _BUCKET = "supabase.Client", "supabase.Table", "supabase.Bucket"
_ELEVENLABS, _ALGOLIA = "elevenlabs.ElevenLabs", "algoliasearch.search.client.SearchClientSync"

_STRIPE = (
    *("Account", "AccountLink", "Balance", "BalanceTransaction", "Card", "Charge", "Coupon", "CreditNote", "Customer"),
    *("Dispute", "EphemeralKey", "Event", "Invoice", "InvoiceItem", "PaymentIntent", "PaymentLink", "PaymentMethod"),
    *("Payout", "Plan", "Price", "Product", "PromotionCode", "Refund", "SetupIntent", "Source", "Subscription"),
    *("SubscriptionItem", "SubscriptionSchedule", "Token", "Transfer", "UsageRecord", "WebhookEndpoint"),
    *("checkout.Session", "billing_portal.Session", "billing_portal.Configuration", "billing.MeterEvent"),
)
_STRIPE_CALLS = (
    *("create", "retrieve", "modify", "delete", "list", "search", "cancel", "confirm", "capture", "attach", "detach"),
    *("finalize_invoice", "pay", "void_invoice", "send_invoice", "upcoming", "create_preview", "expire"),
    *("list_line_items", "list_payment_methods", "create_login_link", "resume"),
)
_ELEVENLABS_CALLS = (
    *(f"voices.{name}" for name in ("get_all", "get", "search", "delete", "get_shared", "find_similar_voices")),
    *("models.list", "user.get", "history.list", "history.get", "history.delete"),
)
_GITHUB_CALLS = ("get_repo", "get_organization", "get_gist", "get_rate_limit", "get_app")
_REPOSITORY_CALLS = (
    *("get_contents", "get_issue", "get_pull", "get_branch", "get_commit", "get_readme", "get_release", "get_git_ref"),
    *("get_git_tree", "get_latest_release", "create_file", "update_file", "delete_file", "create_issue"),
    *("create_pull", "create_git_ref", "create_fork", "compare", "merge", "edit", "get_dir_contents", "get_workflow"),
)
_GITHUB_PAGES = (
    "get_issues",
    "get_pulls",
    "get_commits",
    "get_branches",
    "get_tags",
    "get_releases",
    "get_contributors",
)
_JIRA_CALLS = (
    *("issue", "search_issues", "create_issue", "create_issues", "add_comment", "comments", "transition_issue"),
    *("transitions", "projects", "project", "myself", "user", "search_users", "assign_issue", "add_attachment"),
    *("server_info", "fields", "boards", "sprints", "create_issue_link"),
)
_KV = (
    "read_secret_version",
    "read_secret",
    "create_or_update_secret",
    "list_secrets",
    "delete_metadata_and_all_versions",
)
_DOCKER_KINDS = {
    "containers": ("run", "get", "list", "create", "prune"),
    "images": ("pull", "push", "get", "list", "build", "remove", "load", "prune", "search"),
    "networks": ("get", "list", "create", "prune"),
    "volumes": ("get", "list", "create", "prune"),
}
_CONTAINER_CALLS = (
    *("start", "stop", "restart", "kill", "remove", "exec_run", "logs", "wait", "stats", "reload", "commit", "top"),
    *("put_archive", "get_archive", "pause", "unpause", "rename", "update"),
)
_KUBERNETES = (
    *("CoreV1Api", "AppsV1Api", "BatchV1Api", "NetworkingV1Api", "CustomObjectsApi", "RbacAuthorizationV1Api"),
    *("StorageV1Api", "AutoscalingV1Api", "AutoscalingV2Api", "ApiextensionsV1Api", "VersionApi", "CoordinationV1Api"),
)
_WORKSHEET_CALLS = (
    *("get", "get_all_records", "get_all_values", "get_values", "row_values", "col_values", "cell", "acell", "find"),
    *("findall", "update", "update_cell", "update_acell", "batch_get", "batch_update", "append_row", "append_rows"),
    *("insert_row", "insert_rows", "delete_rows", "clear", "format", "sort"),
)
_FIREBASE_AUTH = (
    *("verify_id_token", "verify_session_cookie", "create_session_cookie", "get_user", "get_user_by_email"),
    *("get_user_by_phone_number", "get_users", "create_user", "update_user", "delete_user", "delete_users"),
    *("set_custom_user_claims", "revoke_refresh_tokens", "list_users", "generate_password_reset_link"),
    *("generate_email_verification_link", "generate_sign_in_with_email_link", "import_users"),
)
_SUPABASE_AUTH = (
    *("sign_in_with_password", "sign_in_with_otp", "sign_in_with_id_token", "sign_up", "sign_out", "get_user"),
    *("refresh_session", "verify_otp", "update_user", "exchange_code_for_session", "reset_password_for_email"),
    *("reset_password_email", "resend", "set_session"),
)
_SIGNING = (
    *("sign_in_with_password", "sign_in_with_id_token", "sign_up", "sign_out", "refresh_session", "verify_otp"),
    *("exchange_code_for_session", "set_session"),
)
_SUPABASE_ADMIN = ("create_user", "delete_user", "get_user_by_id", "list_users", "update_user_by_id", "generate_link")


def waits(site: Site, _function: Function) -> bool:
    """Whether a call of the Kubernetes client waits: with `async_req=True` it hands the request to a thread of its own."""
    return dict(site.call.keywords).get("async_req", Constant(False, "bool")) == Constant(False, "bool")


library = Library(
    "Services",
    blocking=(
        Blocking(_RULE, tuple(f"stripe.{resource}.{call}" for resource in _STRIPE for call in _STRIPE_CALLS)),
        Blocking(
            _RULE,
            tuple(
                f"{_TWILIO}.{kind}.{call}"
                for kind in ("messages", "calls", "incoming_phone_numbers", "recordings", "conferences")
                for call in ("create", "list")
            ),
        ),
        Blocking(_RULE, (f"{_VERIFY}.verifications.create", f"{_VERIFY}.verification_checks.create")),
        Blocking(_RULE, ("slack_sdk.WebClient.*",)),
        Blocking(_RULE, ("slack_sdk.webhook.WebhookClient.send", "slack_sdk.webhook.WebhookClient.send_dict")),
        Blocking(_RULE, ("sendgrid.SendGridAPIClient.send", "sendgrid.SendGridAPIClient.client.mail.send.post")),
        Blocking(_RULE, ("resend.Emails.send", "resend.Emails.get", "resend.Batch.send")),
        Blocking(_RULE, tuple(f"{_ELEVENLABS}.{name}" for name in _ELEVENLABS_CALLS)),
        Blocking(_RULE, tuple(f"{_GITHUB}.{name}" for name in _GITHUB_CALLS)),
        Blocking(_RULE, tuple(f"{_REPOSITORY}.{name}" for name in _REPOSITORY_CALLS)),
        Blocking(_RULE, tuple(f"{_REPOSITORY}.{name}" for name in _GITHUB_PAGES), lazy=True),
        Blocking(_RULE, tuple(f"{_JIRA}.{name}" for name in _JIRA_CALLS)),
        Blocking(
            _RULE,
            (
                *(f"{_HVAC}.{name}" for name in ("read", "write", "write_data", "list", "delete", "is_authenticated")),
                *(f"{_HVAC}.secrets.kv.{version}{name}" for version in ("", "v1.", "v2.") for name in _KV),
                *(f"{_HVAC}.auth.{method}.login" for method in ("approle", "kubernetes", "userpass", "ldap", "github")),
                *(f"{_HVAC}.secrets.transit.{name}" for name in ("encrypt_data", "decrypt_data", "sign_data")),
            ),
        ),
        Blocking(
            _RULE, ("docker.from_env", *(f"{_DOCKER}.{name}" for name in ("ping", "info", "version", "login", "df")))
        ),
        Blocking(_RULE, tuple(f"{_DOCKER}.{kind}.{call}" for kind, calls in _DOCKER_KINDS.items() for call in calls)),
        Blocking(_RULE, tuple(f"{_CONTAINER}.{name}" for name in _CONTAINER_CALLS)),
        Blocking(_RULE, tuple(f"kubernetes.client.{name}.*" for name in _KUBERNETES), when=waits),
        Blocking(_RULE, ("kubernetes.watch.Watch.stream",), lazy=True),
        Blocking(
            _RULE,
            (
                *(f"{_SHEETS}.{name}" for name in ("open", "open_by_key", "open_by_url", "openall", "create")),
                *(f"{_SPREADSHEET}.{name}" for name in ("worksheet", "worksheets", "add_worksheet", "get_worksheet")),
                *(f"{_SPREADSHEET}.{name}" for name in ("del_worksheet", "share", "values_get", "batch_update")),
                *(f"{_WORKSHEET}.{name}" for name in _WORKSHEET_CALLS),
            ),
        ),
        Blocking(_RULE, tuple(f"firebase_admin.auth.{name}" for name in _FIREBASE_AUTH)),
        Blocking(
            _RULE,
            tuple(
                f"firebase_admin.messaging.{name}"
                for name in ("send", "send_all", "send_multicast", "subscribe_to_topic", "unsubscribe_from_topic")
            ),
        ),
        *(
            Blocking(_RULE, (f"firebase_admin.messaging.{name}",), twin=Twin(f"firebase_admin.messaging.{name}_async"))
            for name in ("send_each", "send_each_for_multicast")
        ),
        Blocking(
            _RULE,
            tuple(f"firebase_admin.db.Reference.{name}" for name in ("get", "set", "update", "push", "delete")),
        ),
        Blocking(
            _RULE,
            (
                f"{_TABLE}.execute",
                *(f"{_SUPABASE}.auth.{name}" for name in _SUPABASE_AUTH),
                *(f"{_SUPABASE}.auth.admin.{name}" for name in _SUPABASE_ADMIN),
                *(f"{_BUCKET}.{name}" for name in ("upload", "download", "remove", "list", "move", "copy", "update")),
                *(f"{_BUCKET}.{name}" for name in ("create_signed_url", "create_signed_urls", "info", "exists")),
                *(f"{_SUPABASE}.storage.{name}" for name in ("create_bucket", "get_bucket", "list_buckets")),
                f"{_SUPABASE}.functions.invoke",
            ),
        ),
        Blocking(
            _RULE,
            tuple(
                f"{_ALGOLIA}.{name}"
                for name in (
                    *("search", "search_single_index", "save_object", "save_objects", "get_object", "get_objects"),
                    *("delete_object", "delete_objects", "partial_update_object", "batch", "browse", "wait_for_task"),
                )
            ),
        ),
    ),
    aliases={
        "slack_sdk.web.WebClient": "slack_sdk.WebClient",
        "slack_sdk.web.client.WebClient": "slack_sdk.WebClient",
        "slack_sdk.WebhookClient": "slack_sdk.webhook.WebhookClient",
        "sendgrid.sendgrid.SendGridAPIClient": "sendgrid.SendGridAPIClient",
        "elevenlabs.client.ElevenLabs": _ELEVENLABS,
        "github.MainClass.Github": _GITHUB,
        "jira.client.JIRA": _JIRA,
        "docker.client.DockerClient": _DOCKER,
        "docker.client.from_env": "docker.from_env",
        "docker.models.containers.Container": _CONTAINER,
        "gspread.client.Client": _SHEETS,
        "gspread.spreadsheet.Spreadsheet": _SPREADSHEET,
        "gspread.worksheet.Worksheet": _WORKSHEET,
        "supabase._sync.client.SyncClient": _SUPABASE,
        "supabase.SyncClient": _SUPABASE,
        "supabase.client.Client": _SUPABASE,
        "supabase.client.create_client": "supabase.create_client",
        **{f"stripe._{name.lower()}.{name}": f"stripe.{name}" for name in _STRIPE if "." not in name},
    },
    results={
        f"{_TWILIO}.verify.v2.services": _VERIFY,
        f"{_TWILIO}.verify.services": _VERIFY,
        f"{_GITHUB}.get_repo": _REPOSITORY,
        "docker.from_env": _DOCKER,
        **{f"{_DOCKER}.containers.{name}": _CONTAINER for name in ("run", "get", "create")},
        **{
            f"gspread.{name}": _SHEETS
            for name in ("authorize", "service_account", "service_account_from_dict", "oauth")
        },
        **{f"{_SHEETS}.{name}": _SPREADSHEET for name in ("open", "open_by_key", "open_by_url", "create")},
        **{f"{_SPREADSHEET}.{name}": _WORKSHEET for name in ("worksheet", "add_worksheet", "get_worksheet")},
        "firebase_admin.db.reference": "firebase_admin.db.Reference",
        "firebase_admin.db.Reference.child": "firebase_admin.db.Reference",
        "supabase.create_client": _SUPABASE,
        **{f"{_SUPABASE}.{name}": _TABLE for name in ("table", "from_", "rpc")},
        f"{_TABLE}.*": "self",
        f"{_TABLE}.execute": "supabase.Response",
        f"{_SUPABASE}.schema": _SUPABASE,
        f"{_SUPABASE}.storage.from_": _BUCKET,
    },
    attributes={f"{_SPREADSHEET}.sheet1": _WORKSHEET},
    process_wide=frozenset({"firebase_admin.initialize_app", "firebase_admin.delete_app"}),
    # Whoever signs in does so for all that use the client: https://supabase.com/docs/reference/python/auth-signinwithpassword
    changing=frozenset(f"{_SUPABASE}.auth.{name}" for name in _SIGNING),
    # https://docker-py.readthedocs.io/en/stable/client.html and https://docs.gspread.org say nothing of threads; what Supabase asks its
    # tables by, one connection of HTTP/2, mixes up what threads ask at once
    unproven=frozenset(
        {
            _SUPABASE,
            f"{_SUPABASE}.*",
            _TABLE,
            _BUCKET,
            _DOCKER,
            f"{_DOCKER}.*",
            _CONTAINER,
            _SHEETS,
            _SPREADSHEET,
            _WORKSHEET,
        }
    ),
    quick=frozenset({"slack_sdk.WebClient.validate_slack_signature"}),
    coroutines=frozenset(
        f"firebase_admin.messaging.{name}" for name in ("send_each_async", "send_each_for_multicast_async")
    ),
)
