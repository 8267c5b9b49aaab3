"""A function that the repository itself declares to be blocking.

## What it does
Finds the functions that the configuration names under `blocking`, where they run on the event loop.

```toml
# .github/asyncify.toml
[blocking]
"shop.legacy.lookup" = "shop.legacy.lookup_async"  # with its awaitable twin
"vendor.sdk.Client.fetch" = ""                     # without

[offloads]
"shop.threads.in_thread" = 0                       # it runs its first argument in a worker thread
```

## Why is this bad?
Only the repository knows: a client of a service that no one else has, a helper that ends in compiled code.

## Fix safety
There is no fix in general; where the configuration names an awaitable twin, it takes the same arguments, and the fix awaits
that. Otherwise the function becomes `def` where it awaits nothing, or hands the call to a worker thread.

## References
- [FastAPI: Concurrency and async / await](https://fastapi.tiangolo.com/async/)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR, codes=("ASYNC200",))
