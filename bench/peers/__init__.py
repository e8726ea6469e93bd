"""Measurements of other programs doing the same work; each says how to install the program."""
