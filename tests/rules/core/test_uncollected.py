"""Memory is not searched for cycles while much is made, and is afterwards as before."""

import gc

import pytest

from rules import analyze, read_facts
from rules.core.uncollected import uncollected


def test_the_search_goes_on_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), uncollected():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_who_switched_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_neither_reading_nor_analysing_makes_cycles() -> None:
    source = b"""
import time
from fastapi import FastAPI
app = FastAPI()
class Clock:
    def wait(self): return self.again()
    def again(self): return [time.sleep(x) for x in self.wait()]
@app.get("/")
async def read(): return Clock().wait() if (lambda: 1)() else f"{Clock()}"
"""
    analyze({"main.py": read_facts(source)}, {})
    gc.collect()
    with uncollected():
        found = analyze({"main.py": read_facts(source)}, {}).findings
        assert gc.collect() == 0
    assert found
