"""The report of a model, and the index of all models: HTML pages without a server or a network.

A model's page has no script. Except for measured times (see `stage.py`), the same model gives the
same page. This file imports nothing, because many rooms use `report/evidence.py` alone.
"""
