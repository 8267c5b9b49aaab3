"""Arguments below the first one of a call that a fix moves."""

import pytest

from tests.rules.checking import assert_fixes, with_app

IMPORTS = "import httpx\nimport requests\nfrom fastapi import Request\nfrom fastapi.concurrency import run_in_threadpool\nfrom redis import Redis"
ENDPOINT = "@app.get('/')\nasync def home(request: Request):\n    await request.body()\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "    return requests.get('https://a.example',\n                        timeout=3)\n",
            "    return await run_in_threadpool(requests.get, 'https://a.example',\n                                   timeout=3)\n",
        ),
        (
            "    found = requests.get('https://a.example',\n                         headers={'a': 1},\n\n                         timeout=3)\n",
            "    found = await run_in_threadpool(requests.get, 'https://a.example',\n                                    headers={'a': 1},\n\n                                    timeout=3)\n",
        ),
        (
            "    text = requests.get('https://a.example',\n                        timeout=3).text\n",
            "    text = (await run_in_threadpool(requests.get, 'https://a.example',\n                                    timeout=3)).text\n",
        ),
        (
            "    return requests.get('https://a.example',\n        timeout=3)\n",
            "    return await run_in_threadpool(requests.get, 'https://a.example',\n        timeout=3)\n",
        ),
        (
            "    return requests.get(\n        'https://a.example', timeout=3\n    )\n",
            "    return await run_in_threadpool(\n        requests.get, 'https://a.example', timeout=3\n    )\n",
        ),
        (
            "    return requests.get(\n        'https://a.example', timeout=3,\n    )\n",
            "    return await run_in_threadpool(\n        requests.get,\n        'https://a.example', timeout=3,\n    )\n",
        ),
        (
            f"    return requests.get(\n        'https://a.example/{'a' * 50}', timeout=3\n    )\n",
            f"    return await run_in_threadpool(\n        requests.get,\n        'https://a.example/{'a' * 50}', timeout=3\n    )\n",
        ),
        (
            "    return requests.get(\n        'https://a.example',\n        timeout=3,\n    )\n",
            "    return await run_in_threadpool(\n        requests.get,\n        'https://a.example',\n        timeout=3,\n    )\n",
        ),
    ],
)
def test_what_stands_below_the_first_argument_moves_with_it(before: str, after: str) -> None:
    assert_fixes("clients/requests", with_app(IMPORTS, ENDPOINT + before), with_app(IMPORTS, ENDPOINT + after))


def test_a_text_over_several_lines_is_left_as_it_is() -> None:
    before = (
        "    return requests.post('https://a.example',\n                         '''a\n                         b''')\n"
    )
    after = before.replace("requests.post(", "await run_in_threadpool(requests.post, ")
    assert_fixes("clients/requests", with_app(IMPORTS, ENDPOINT + before), with_app(IMPORTS, ENDPOINT + after))


def test_a_word_that_is_put_before_a_call_moves_its_arguments() -> None:
    above = "@app.get('/')\nasync def home():\n"
    before = "    show(tell(1),\n         2)\n"
    after = "    await show(tell(1),\n               2)\n"
    helpers = "\n\nasync def show(one, two):\n    print(one, two)\n\n\ndef tell(one):\n    return one\n\n\n"
    assert_fixes("awaiting/forgotten", with_app("", helpers + above + before), with_app("", helpers + above + after))
