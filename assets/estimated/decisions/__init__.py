"""Decisions: sections of a scenario file that a table macro of the published file answers.

The macro computes the decision (`assets/published/sql`). This package declares what its section may state, checks it, calls the
macro, and has the assets that store the rows for the bundled files. Nothing is computed in Python.
"""
