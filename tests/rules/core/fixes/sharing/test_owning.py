"""What a function changes in what it has made for itself, and in what others may have as well."""

from textwrap import indent

import pytest

from rules import Applicability, Way
from tests.rules.checking import found, with_app

IMPORTS = "import copy\nimport io\nimport json\nimport logging\nfrom functools import cache\n\nimport openpyxl\nimport pandas as pd\nimport requests\nfrom docx import Document\nfrom sqlalchemy.orm import Session"
SOURCE = """
STATE = Registry()


def with_title(post, title):
    post["posts"][0]["title"] = title
    return post


def text(one) -> str:
    return one.text()


@cache
def remembered(post):
    return post


def ask(given, state=None) -> None:
    requests.get("https://a.example")
{body}


@app.post("/")
async def home(body: dict) -> None:
    {first}
    ask(body)
"""
OWN = [
    "book = openpyxl.Workbook()\nsheet = book.active\nsheet.column_dimensions['A'].width = 20",
    "book = openpyxl.load_workbook('a.xlsx')\nbook.active.column_dimensions['A'].width = 20",
    "with pd.ExcelWriter(io.BytesIO()) as writer:\n    sheet = writer.sheets['a']\n    sheet.column_dimensions['A'].width = 3",
    "for cell in openpyxl.Workbook().active['A']:\n    cell.style.font.bold = True",
    "document = Document()\nline = document.add_paragraph('x')\nline.style.font.size = 3",
    "book = openpyxl.Workbook() if given else openpyxl.load_workbook('a.xlsx')\nbook.active.page.setup.wide = True",
    "row = Session().get(int, 1)\nrow.data['kept']['last'] = 3",
    "for row in Session().query(int).all():\n    row.data['kept']['last'] = 3",
    "kept = {'posts': [{'title': 'x', 'at': 3}]}\nkept['posts'][0]['at'] = 3",
    "kept = given.model_dump()\nkept['posts']['first']['at'] = 3",
    "kept = json.loads('{}')\nkept['posts']['first']['at'] = 3",
    "kept: dict = copy.deepcopy(STATE)\nkept['posts']['first']['at'] = 3",
    "kept = {'posts': [{'title': text(given)}]}\nkept['posts'][0]['at'] = 3",
    "node = Document()\nwhile given:\n    node = node.next\nnode.style.font.size = 3",
]
SHARED = [
    "STATE.rows.kept.last = 3",
    "state = STATE\nstate.rows.kept.last = 3",
    "given.rows.kept.last = 3",
    "state = openpyxl.Workbook()\nstate.active.page.wide = True",
    "log = logging.getLogger('x')\nlog.parent.kept.level = 3",
    "book = openpyxl.Workbook() if given else STATE\nbook.active.page.wide = True",
    "kept = {'posts': given}\nkept['posts'][0]['at'] = 3",
    "kept = given\nkept = with_title(kept, 'y')\nkept['posts'][0]['at'] = 3",
    "kept = with_title({'posts': given}, 'y')\nkept['posts'][0]['at'] = 3",
    "kept = remembered({'posts': []})\nkept['posts'][0]['at'] = 3",
    "kept = STATE.load()\nkept['posts'][0]['at'] = 3",
    "kept = STATE.copy()\nkept['posts'][0]['at'] = 3",
    "book = Registry()\nbook.rows.kept.last = 3",
]


def _source(body: str, *, awaiting: bool) -> str:
    first = "await body['x']" if awaiting else "print(body)"
    return with_app(IMPORTS, SOURCE.format(body=indent(body, "    "), first=first)).replace(
        "app = FastAPI()", "app = FastAPI()\n\n\nclass Registry: ..."
    )


@pytest.mark.parametrize("body", OWN)
def test_nobody_sees_what_is_changed_in_what_is_new(body: str) -> None:
    (threaded,) = found("clients/requests", _source(body, awaiting=True))
    assert threaded.fix is not None
    assert threaded.fix.applicability is Applicability.SAFE
    (reversed_,) = found("clients/requests", _source(body, awaiting=False))
    assert reversed_.fix is not None
    assert reversed_.fix.way is Way.REVERSE


@pytest.mark.parametrize("body", SHARED)
def test_others_may_see_what_is_changed_elsewhere(body: str) -> None:
    source = _source(body, awaiting=True).replace("    ask(body)", "    ask(STATE)")
    (threaded,) = found("clients/requests", source)
    assert threaded.fix is not None
    assert threaded.fix.applicability is Applicability.UNSAFE


@pytest.mark.parametrize(
    ("body", "asked", "applicability"),
    [
        ("given['posts'][0]['at'] = 3", "ask(body)", Applicability.SAFE),
        ("given['posts'][0]['at'] = 3", "ask(STATE)", Applicability.UNSAFE),
        ("with_title(given, 'y')", "ask({'posts': []})", Applicability.SAFE),
        ("with_title(given, 'y')", "ask({'posts': STATE})", Applicability.UNSAFE),
        ("kept = with_title({'posts': []}, 'y')\nkept['posts'][0]['at'] = 3", "ask(body)", Applicability.SAFE),
        ("kept = with_title(STATE, 'y')\nkept['posts'][0]['at'] = 3", "ask(body)", Applicability.UNSAFE),
    ],
)
def test_what_a_helper_changes_is_seen_by_none_where_it_is_given_what_is_new(
    body: str, asked: str, applicability: Applicability
) -> None:
    source = _source(body, awaiting=True).replace("    ask(body)", f"    {asked}")
    (finding,) = found("clients/requests", source)
    assert finding.fix is not None
    assert finding.fix.applicability is applicability


SENT = """
class Post(BaseModel):
    title: str


def known() -> dict:
    return {{}}


@app.post("/")
async def home({parameter}) -> None:
    await known()
    body = {{"posts": [{{"title": post["title"]}}]}}
    body["posts"][0]["at"] = "before"
    requests.get("https://a.example")
    body["posts"][0]["at"] = "after"
"""


@pytest.mark.parametrize(
    ("parameter", "applicability"),
    [
        ("post: Post", Applicability.SAFE),
        ("post: dict", Applicability.SAFE),
        ("post: list[Post]", Applicability.SAFE),
        ("post: dict = Depends(known)", Applicability.UNSAFE),
        ("post: Request", Applicability.UNSAFE),
        ("post", Applicability.UNSAFE),
    ],
)
def test_what_was_read_from_a_request_is_its_own(parameter: str, applicability: Applicability) -> None:
    imports = "import requests\nfrom fastapi import Depends, Request\nfrom pydantic import BaseModel"
    (finding,) = found("clients/requests", with_app(imports, SENT.format(parameter=parameter)))
    assert finding.fix is not None
    assert finding.fix.applicability is applicability
