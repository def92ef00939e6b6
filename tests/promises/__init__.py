"""Programs of about ten lines, as a user writes them from the documents; each held up a promise that was broken once.

`python -m tests.promises.whole_books` runs one; `tests/test_promises.py` runs them all.
"""
