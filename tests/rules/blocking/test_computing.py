"""Images, tables, documents and models."""

import pytest

from rules import Applicability, Severity, Way
from tests.rules.checking import assert_clean, assert_fixes, found, with_app

RULE = "blocking/computing"

ENDPOINT = '@app.post("/")\nasync def make(data: bytes):\n    '
AWAITING = '@app.post("/")\nasync def make(request: Request):\n    data = await request.body()\n    '
IMPORTS = """
import asyncio
from uuid import uuid4

import cv2
import joblib
import numpy as np
import openpyxl
import pandas as pd
import PIL.Image
import polars as pl
import pytesseract
import torch
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from pypdf import PdfReader
from sentence_transformers import SentenceTransformer
from transformers import pipeline
"""


@pytest.mark.parametrize(
    "body",
    [
        "Image.open(data).thumbnail((9, 9))",
        "image = PIL.Image.open(data)\n    image.save(f'{data}.png')",
        'image = Image.new("RGB", (9, 9)).convert("L")\n    return image.resize((3, 3))',
        "with Image.open(data) as image:\n        return image.rotate(90)",
        "image: Image.Image = unknown()\n    image.save(f'{data}.png')",
        "return pd.read_csv(data)",
        "frame = pd.read_excel(data)\n    frame.to_csv(f'{uuid4()}.csv')",
        "pd.DataFrame(data).to_excel(f'{data}.xlsx')",
        "return pl.read_parquet(data)",
        "return pl.scan_csv(data).filter(True).collect()",
        "return np.load(data)",
        "return openpyxl.load_workbook(data)",
        "book = openpyxl.Workbook()\n    book.save(f'{data}.xlsx')",
        "return PdfReader(data)",
        "return cv2.imread('a.png')",
        "return cv2.imencode('.png', data)",
        "frame = np.zeros((720, 1280, 3), np.uint8)\n    return cv2.imencode('.jpg', frame)",
        "image = Image.new('RGB', size)\n    image.save(data)",
        "return pytesseract.image_to_string(data)",
        "return torch.load('a.pt')",
        "return joblib.load('a.joblib')",
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("body", "are_safe"),
    [
        ("return pipeline('summarization')", [False]),
        ("return AutoModelForCausalLM.from_pretrained('a')", []),
        ("return pipeline('summarization')(data)", [False, False]),
        ("return SentenceTransformer('a').encode(data)", [True]),
    ],
)
def test_no_two_threads_may_load_a_model_of_transformers(body: str, are_safe: list[bool]) -> None:
    """While one is loaded, all of them have other methods; a model that the event loop has loaded any thread may use."""
    findings = found(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))
    fixes = [one.fix for one in findings if one.fix]
    assert {fix.way for fix in fixes} <= {Way.OFFLOAD}
    assert [fix.applicability is Applicability.SAFE for fix in fixes] == are_safe


@pytest.mark.parametrize("above", ["", "model = pipeline('summarization')\n\n\n"])
def test_a_helper_that_loads_a_model_is_no_safe_work_for_threads(above: str) -> None:
    helper = (
        f"{above}def shown(data):\n    {'' if above else 'model = pipeline(1)'}\n    return pd.read_csv(data)\n\n\n"
    )
    (finding,) = found(RULE, with_app(IMPORTS, f"{helper}{ENDPOINT}await wait()\n    return shown(data)\n"))
    assert finding.fix is not None
    assert (finding.fix.applicability is Applicability.SAFE) is bool(above)


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("return len(pd.read_csv(data))", "return len(await run_in_threadpool(pd.read_csv, data))"),
        ("return model.encode(data)", "return await run_in_threadpool(model.encode, data)"),
        (
            "return model.encode(data, show_progress_bar=False).tolist()",
            "return (await run_in_threadpool(model.encode, data, show_progress_bar=False)).tolist()",
        ),
    ],
)
def test_the_work_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    above = f"model = SentenceTransformer('a')\n\n\n{AWAITING}"
    assert_fixes(RULE, with_app(IMPORTS, f"{above}{body}\n"), with_app(IMPORTS, f"{above}{after}\n"))


def test_a_model_of_all_requests_is_handed_over_by_those_who_know_that_it_bears_threads() -> None:
    before = with_app(IMPORTS, f"summarize = pipeline('summarization')\n\n\n{ENDPOINT}return summarize(data)\n")
    after = before.replace("summarize(data)", "await run_in_threadpool(summarize, data)")
    (finding,) = assert_fixes(RULE, before, after)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


def test_a_finding_only_informs() -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}pd.read_csv(data)\n")
    (finding,) = assert_fixes(RULE, before, before.replace("async def", "def"))
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(
    "body",
    [
        "return Image.open(data).size",
        "return Image.open(data).crop((0, 0, 9, 9))",
        "return Image.new('RGB', (9, 9))",
        "return pd.DataFrame(data)",
        "return pd.DataFrame(data).to_dict()",
        "return pd.DataFrame(data).head()",
        "return pl.scan_csv('a.csv')",
        "return pl.scan_csv('a.csv').filter(True)",
        "return np.array([1])",
        "return np.zeros(3)",
        "image = Image.new('RGB', (160, 60), 'white')\n    image.save(data, format='PNG')",
        "frame = np.zeros((175, 175, 3), np.uint8)\n    return cv2.imencode('.jpg', frame)",
        "return openpyxl.Workbook()",
        "return torch.tensor([1])",
        "return cv2.COLOR_BGR2RGB",
        "return await asyncio.to_thread(pd.read_csv, data)",
        "return await run_in_threadpool(pd.read_csv, data)",
        "return await run_in_threadpool(lambda: Image.open(data).resize((3, 3)))",
        "return unknown.read_csv(data)",
        "unknown.save('a.png')",
        "unknown.resize((3, 3))",
        "return data.encode()",
        "pd = unknown\n    return pd.read_csv(data)",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.get("/")\ndef home():\n    return pd.read_csv("a.csv")\n',
        '@app.get("/")\nasync def home():\n    return pd.read_csv("a.csv", chunksize=1000)\n',
        'TABLE = pd.read_csv("a.csv")\n',
        '@app.on_event("startup")\nasync def start():\n    app.state.model = pipeline("summarization")\n',
    ],
)
def test_what_serves_no_request_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))
