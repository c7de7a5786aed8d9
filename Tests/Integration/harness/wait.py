"""Waiting for something to become true, with a limit."""

import time


def until(condition, *, seconds=30, message="it did not happen", interval=0.02):
    """Returns the first true value of `condition()`, or fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{message() if callable(message) else message} within {seconds} s")
        time.sleep(interval)
