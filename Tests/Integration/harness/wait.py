"""Waiting for something to become true, with a limit."""

import os
import time

#: How many times longer everything may take here: an emulated machine is slow, and what it waits for comes all the same.
SLOWNESS = float(os.environ.get("TIMBER_TEST_SLOWNESS", "1"))


def until(condition, *, seconds=30, message="it did not happen", interval=0.02):
    """Returns the first true value of `condition()`, or fails after `seconds`."""
    seconds *= SLOWNESS
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{message() if callable(message) else message} within {seconds} s")
        time.sleep(interval)
