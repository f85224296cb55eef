"""Affine forms over atoms, and the functions that make atoms of them."""
