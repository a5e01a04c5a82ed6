"""Garbage collection is paused for a block, whatever happens in it."""

import gc

import pytest

from monitor.runtime.collection import collection_paused


def test_it_is_paused_inside_and_goes_on_after_an_error() -> None:
    @collection_paused()
    def fail() -> None:
        assert not gc.isenabled()
        raise ValueError("inside")

    assert gc.isenabled()
    with pytest.raises(ValueError, match="inside"):
        fail()
    assert gc.isenabled()


def test_what_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
