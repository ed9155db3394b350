"""What follows from what was observed: formulas, scenarios and their estimates. Nothing here fetches.

- `scenario_files/`: what a scenario file may state, and how it is read; `scenarios/`: the bundled files.
- `formulas/`: the formulas, one SQL macro per quantity; `methods/`: which formulas, defaults and look-ups make up each method.
- `training*`: estimates of trainings; `method`, `engine`, `sampling`: estimates by any other method, with their bands.
- `decisions/`: sections that a macro of the published file answers; `indices/`: price index and green windows, updated by day.
- `assets`, `tables`: the estimates as Dagster assets, and the declared tables they fill.
"""
