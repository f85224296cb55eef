"""The report of a model, and the index of all: HTML pages that need no server and no network.

A model's page has no script and is the same every time, but for the times in it, where there are
any: see `stage.py`. This file imports nothing, as many rooms use `report/evidence.py` alone.
"""
