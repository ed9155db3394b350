"""What leaves the house: the published file, the report, exports."""
