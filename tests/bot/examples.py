"""The public examples of what GitHub delivers."""

import json
import lzma
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent / "webhook_examples.json.xz"


def examples() -> list[tuple[str, dict[str, Any]]]:
    """Every payload of https://github.com/octokit/webhooks (MIT, see its licence beside), as it was published."""
    return [(event, payload) for event, payload in json.loads(lzma.decompress(EXAMPLES.read_bytes()))]
