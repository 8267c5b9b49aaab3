"""What looks at the frames of those who call it, which are others in a worker thread."""

import pytest

from tests.rules.checking import found, with_app

IMPORTS = "import duckdb\nimport pandas as pd"
BODY = """
rows = pd.DataFrame()


@app.get("/")
async def home(request: Request, text: str):
    await request.body()
    kept = pd.DataFrame()
    connection = duckdb.connect("kept.db")
    {}
"""


@pytest.mark.parametrize(
    ("call", "is_offered"),
    [
        ("connection.execute('select * from kept')", False),
        ("connection.execute('SELECT 1 FROM items JOIN \"rows\" ON true')", False),
        ("duckdb.execute('select * from rows')", False),
        ("connection.execute(text)", False),
        ("connection.execute('select kept from items')", True),
        ("connection.execute('select * from items where name = ?', [text])", True),
    ],
)
def test_a_table_may_be_a_variable_of_who_asks(call: str, *, is_offered: bool) -> None:
    """DuckDB looks for it in the frame that calls: https://duckdb.org/docs/stable/clients/c/replacement_scans."""
    source = with_app(IMPORTS, BODY.format(call)).replace("import FastAPI", "import FastAPI, Request")
    (finding,) = found("databases/drivers", source)
    assert (finding.fix is not None) is is_offered


def test_a_text_that_is_not_seen_names_no_table_where_there_is_none() -> None:
    body = BODY.format("connection.execute(text)").replace("kept = pd.DataFrame()", "kept = text")
    source = with_app(IMPORTS, body).replace("import FastAPI", "import FastAPI, Request")
    (finding,) = found("databases/drivers", source)
    assert finding.fix is not None
