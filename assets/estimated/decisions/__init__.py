"""Decisions: sections of a scenario file that a table macro of the published file answers.

The macro is the decision (`assets/published/sql`); here is what its section may state, how that is checked, how it is asked,
and the assets that keep the answers to the bundled files. Nothing is computed in Python.
"""
