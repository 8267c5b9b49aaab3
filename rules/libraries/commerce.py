"""Shops and payments: Stripe's client object, Braintree, Plaid and Shopify.

https://docs.stripe.com/sdks/stripe-client, https://developer.paypal.com/braintree/docs/start/hello-server/python,
https://plaid.com/docs/api/libraries/ and https://shopify.github.io/shopify_python_api/
"""

from rules.core.library import Blocking, Library

_RULE = "clients/services"
_STRIPE, _BRAINTREE, _PLAID = "stripe.StripeClient", "braintree.BraintreeGateway", "plaid.api.plaid_api.PlaidApi"

_STRIPE_SERVICES = (
    *("accounts", "balance", "charges", "coupons", "customers", "disputes", "events", "invoices", "invoice_items"),
    *("payment_intents", "payment_links", "payment_methods", "payouts", "plans", "prices", "products"),
    *("promotion_codes", "refunds", "setup_intents", "subscriptions", "subscription_items", "tokens", "transfers"),
    *("webhook_endpoints", "checkout.sessions", "billing_portal.sessions"),
)
_STRIPE_CALLS = (
    *("create", "retrieve", "update", "delete", "list", "search", "cancel", "confirm", "capture", "attach", "detach"),
    *("finalize_invoice", "pay", "expire"),
)
_BRAINTREE_CALLS = {
    "transaction": ("sale", "find", "refund", "void", "submit_for_settlement", "search"),
    "customer": ("create", "find", "update", "delete", "search"),
    "client_token": ("generate",),
    "payment_method": ("create", "find", "update", "delete"),
    "payment_method_nonce": ("create", "find"),
    "subscription": ("create", "find", "update", "cancel", "retry_charge"),
}
_BRAINTREE_CLASSES = {
    "Transaction": "transaction",
    "Customer": "customer",
    "ClientToken": "client_token",
    "PaymentMethod": "payment_method",
    "Subscription": "subscription",
}
_SHOPIFY = ("Product", "Order", "Customer", "Variant", "Shop", "Webhook", "InventoryLevel", "Fulfillment", "DraftOrder")

library = Library(
    "Shops and payments",
    blocking=(
        Blocking(
            _RULE,
            tuple(
                f"{_STRIPE}.{version}{service}.{call}"
                for version in ("", "v1.")
                for service in _STRIPE_SERVICES
                for call in _STRIPE_CALLS
            ),
        ),
        Blocking(
            _RULE, tuple(f"{_BRAINTREE}.{kind}.{call}" for kind, calls in _BRAINTREE_CALLS.items() for call in calls)
        ),
        Blocking(
            _RULE,
            tuple(
                f"braintree.{name}.{call}"
                for name, kind in _BRAINTREE_CLASSES.items()
                for call in _BRAINTREE_CALLS[kind]
            ),
        ),
        Blocking(_RULE, (f"{_PLAID}.*",)),
        Blocking(
            _RULE,
            tuple(f"shopify.{name}.{call}" for name in _SHOPIFY for call in ("find", "find_first", "create", "save")),
        ),
        Blocking(_RULE, ("shopify.GraphQL.execute",)),
    ),
    aliases={
        "stripe._stripe_client.StripeClient": _STRIPE,
        "braintree.braintree_gateway.BraintreeGateway": _BRAINTREE,
        "plaid.api.PlaidApi": _PLAID,
    },
)
