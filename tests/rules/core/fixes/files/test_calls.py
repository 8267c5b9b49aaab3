"""What writes a file, and which argument names that."""

import pytest

from rules import Applicability, Way
from rules.core.fixes.files.rewriting import REUSED
from tests.rules.checking import found, with_app

IMPORTS = """
import urllib.request
from pathlib import Path

import joblib
import numpy as np
import pdfkit
import pyttsx3
import requests
import soundfile as sf
import torch
from fastapi import Request
from gtts import gTTS
"""
PROGRAM = """
@app.post("/")
async def home(request: Request, name: str) -> bytes:
    await request.body()
    {written}
    requests.get(name)
    return Path("a.bin").read_bytes()
"""


def asked(written: str) -> tuple[Applicability, tuple[str, ...]]:
    """What is said of the request between the writing of a file and its reading."""
    findings = found("clients/requests", with_app(IMPORTS, PROGRAM.format(written=written)))
    (fix,) = [fix for one in findings for fix in (one.fix, *one.alternatives) if fix and fix.way is Way.OFFLOAD]
    return fix.applicability, fix.notes


@pytest.mark.parametrize(
    "written",
    [
        "urllib.request.urlretrieve(name, 'a.bin')",
        "urllib.request.urlretrieve(name, filename='a.bin')",
        "model.tts_to_file(text=name, file_path='a.bin')",
        "pyttsx3.init().save_to_file(name, 'a.bin')",
        "answer.stream_to_file('a.bin')",
        "faiss.write_index(index, 'a.bin')",
        "sf.write('a.bin', rows, 9)",
        "joblib.dump(rows, 'a.bin')",
        "torch.save(rows, 'a.bin')",
        "pdfkit.from_string(name, 'a.bin')",
        "np.savez('a.bin', rows)",
        "gTTS(name).save('a.bin')",
    ],
)
def test_others_may_write_what_is_written_and_then_read(written: str) -> None:
    assert asked(written) == (Applicability.UNSAFE, (REUSED,))


@pytest.mark.parametrize(
    "written",
    [
        "urllib.request.urlretrieve(name, 'other.bin')",
        "joblib.dump('a.bin', 'other.bin')",
        "pdfkit.from_string('a.bin', 'other.bin')",
        "sf.write('other.bin', 'a.bin', 9)",
        "writer.write('a.bin')",
        "page.from_string(name, 'a.bin')",
    ],
)
def test_what_names_no_file_or_another_one_is_no_matter(written: str) -> None:
    assert asked(written) == (Applicability.SAFE, ())
