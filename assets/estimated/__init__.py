"""What follows from what was observed: formulas, scenarios and their estimates; nothing here fetches."""
