"""Mail, FTP, SSH, LDAP, gRPC or Git is waited for on the event loop.

## What it does
Finds the calls of smtplib, imaplib, poplib, ftplib, Paramiko, Fabric, pysftp, ldap3, python-ldap, synchronous gRPC and
GitPython that wait for the other machine, where they run on the event loop. `grpc.aio` is left alone.

## Why is this bad?
These protocols take several round trips for the least thing: to send one mail is to connect, greet, secure, log in and
hand over. All the while this worker serves no other request, and a server that is gone holds it until a timeout that by
default many of them do not have.

## Example
```python
import smtplib

from fastapi import FastAPI

app = FastAPI()


@app.post("/greetings")
async def greet(address: str) -> None:
    with smtplib.SMTP("mail.example") as server:
        server.sendmail("app@example.com", address, "Hello")
```

```python
import smtplib
from email.message import EmailMessage

from fastapi import FastAPI, Request

app = FastAPI()


def send(message: EmailMessage) -> None:
    with smtplib.SMTP("mail.example") as server:
        server.send_message(message)


@app.post("/letters")
async def letter(request: Request) -> None:
    message = EmailMessage()
    message.set_content((await request.body()).decode())
    send(message)
```

## Use instead
```python
import smtplib

from fastapi import FastAPI

app = FastAPI()


@app.post("/greetings")
def greet(address: str) -> None:
    with smtplib.SMTP("mail.example") as server:
        server.sendmail("app@example.com", address, "Hello")
```

```python
import smtplib
from email.message import EmailMessage

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()


def send(message: EmailMessage) -> None:
    with smtplib.SMTP("mail.example") as server:
        server.send_message(message)


@app.post("/letters")
async def letter(request: Request) -> None:
    message = EmailMessage()
    message.set_content((await request.body()).decode())
    await run_in_threadpool(send, message)
```

## Fix safety
Safe: the same conversation is held from a worker thread, by one thread at a time. A `with` block is best moved as a whole,
into a `def` function. Asynchronous packages (aiosmtplib, asyncssh) have exceptions and defaults of their own, so none is put
in the place of these unasked.

## References
- [Python: smtplib](https://docs.python.org/3/library/smtplib.html)
- [Paramiko: Client](https://docs.paramiko.org/en/stable/api/client.html)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
