"""What a function changes in what it has made for itself, and in what others may have as well."""

from textwrap import indent

import pytest

from rules import Applicability, Way
from tests.rules.checking import found, with_app

IMPORTS = "import io\nimport logging\n\nimport openpyxl\nimport pandas as pd\nimport requests\nfrom docx import Document\nfrom sqlalchemy.orm import Session"
SOURCE = """
STATE = Registry()


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
    "node = Document()\nwhile given:\n    node = node.next\nnode.style.font.size = 3",
]
SHARED = [
    "STATE.rows.kept.last = 3",
    "state = STATE\nstate.rows.kept.last = 3",
    "given.rows.kept.last = 3",
    "state = openpyxl.Workbook()\nstate.active.page.wide = True",
    "log = logging.getLogger('x')\nlog.parent.kept.level = 3",
    "book = openpyxl.Workbook() if given else STATE\nbook.active.page.wide = True",
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
    (threaded,) = found("clients/requests", _source(body, awaiting=True))
    assert threaded.fix is not None
    assert threaded.fix.applicability is Applicability.UNSAFE
