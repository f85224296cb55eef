"""Verification: what a model computes is compared with what its source computes.

The stage itself is `stages/verify.py`. This file imports nothing: the process that opens a model
again and again (`interpreters.py`) starts without what the stage needs.
"""
