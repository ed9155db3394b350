"""The indices: what a GPU-hour costs by day, and what waiting for a greener hour saves; updated by the days that a capture changes."""
