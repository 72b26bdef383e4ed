"""Functions, arguments and rubbish for `tests/fuzzing.py`."""
