"""The client of another service waits for the network on the event loop.

## What it does
Finds requests of the synchronous clients of Stripe, Twilio, Slack, SendGrid, Resend, GitHub, Jira, Vault, Docker, Kubernetes,
Google Sheets, Firebase, Supabase and Algolia where they run on the event loop. What only signs, checks a signature or builds
a query is left alone.

## Why is this bad?
The other side decides how long this worker stands still, and some of these clients repeat a request that failed.

## Example
```python
import stripe

from fastapi import FastAPI

app = FastAPI()


@app.get("/invoices/{invoice_id}")
async def invoice(invoice_id: str):
    return stripe.Invoice.retrieve(invoice_id)
```

```python
from fastapi import FastAPI, Request
from slack_sdk import WebClient

app = FastAPI()
slack = WebClient()


@app.post("/alerts")
async def alert(request: Request) -> None:
    text = (await request.body()).decode()
    slack.chat_postMessage(channel="#alerts", text=text)
```

```python
from fastapi import FastAPI, Request
from firebase_admin import messaging

app = FastAPI()


@app.post("/notifications")
async def notify(request: Request) -> None:
    tokens = await request.json()
    messaging.send_each([messaging.Message(token=token) for token in tokens])
```

## Use instead
```python
import stripe

from fastapi import FastAPI

app = FastAPI()


@app.get("/invoices/{invoice_id}")
def invoice(invoice_id: str):
    return stripe.Invoice.retrieve(invoice_id)
```

```python
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from slack_sdk import WebClient

app = FastAPI()
slack = WebClient()


@app.post("/alerts")
async def alert(request: Request) -> None:
    text = (await request.body()).decode()
    await run_in_threadpool(slack.chat_postMessage, channel="#alerts", text=text)
```

```python
from fastapi import FastAPI, Request
from firebase_admin import messaging

app = FastAPI()


@app.post("/notifications")
async def notify(request: Request) -> None:
    tokens = await request.json()
    await messaging.send_each_async([messaging.Message(token=token) for token in tokens])
```

## Fix safety
Safe: the same client sends the same request, in a worker thread, or by the coroutine that the package has for it with the
same arguments and the same result. Where a package needs another client or more packages for that (Stripe, Twilio, Slack),
it is not done unasked.

## References
- [Stripe: Async](https://github.com/stripe/stripe-python#async)
- [Firebase: `send_each_async`](https://firebase.google.com/docs/reference/admin/python/firebase_admin.messaging)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
