"""A password hash is slow on purpose, and on the event loop everybody waits for it.

## What it does
Finds the hashing and verifying functions of bcrypt, Passlib, pwdlib, argon2-cffi, Werkzeug and `cryptography`, and
`hashlib.pbkdf2_hmac` and `scrypt`, on the event loop. Left alone are `gensalt`, PBKDF2 of less than 10 000 rounds, and plain
hashes such as `hashlib.sha256`.

## Why is this bad?
The cost that keeps attackers out is paid by all requests of the worker: `bcrypt.hashpw` with its default cost was measured at
0.4 seconds, so that a handful of logins at once stall every other request for seconds.

## Example
```python
import bcrypt

from fastapi import FastAPI

app = FastAPI()


@app.post("/passwords")
async def choose(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode()
```

```python
from fastapi import FastAPI, Request
from pwdlib import PasswordHash

app = FastAPI()
hasher = PasswordHash.recommended()


@app.post("/login")
async def login(request: Request) -> bool:
    form = await request.json()
    return hasher.verify(form["password"], form["hash"])
```

## Use instead
```python
import bcrypt

from fastapi import FastAPI

app = FastAPI()


@app.post("/passwords")
def choose(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode()
```

```python
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from pwdlib import PasswordHash

app = FastAPI()
hasher = PasswordHash.recommended()


@app.post("/login")
async def login(request: Request) -> bool:
    form = await request.json()
    return await run_in_threadpool(hasher.verify, form["password"], form["hash"])
```

## Fix safety
Safe: the same call in a worker thread, with the same exceptions. These functions let go of Python's lock while they compute,
so the loop runs on.

## References
- [bcrypt](https://github.com/pyca/bcrypt)
- [pwdlib](https://frankie567.github.io/pwdlib/)
- [argon2-cffi](https://argon2-cffi.readthedocs.io/en/stable/)
- [Python: Key derivation](https://docs.python.org/3/library/hashlib.html#key-derivation)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
