"""What exists: the asset graph, from sources to what leaves the house."""
