"""Calls with something wrong, for `tests/test_wrong_input.py`."""
