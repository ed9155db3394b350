"""Scenario files: what each section may state, in which units and under which names, and how a file is read and checked.

Nothing is looked up or computed here; the bundled files stand in `scenarios/`.
"""
