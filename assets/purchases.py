"""How a cloud GPU is bought: words that sources, scenarios and declared columns share."""

PURCHASE_OPTIONS = ("on_demand", "spot", "reserved_1y", "reserved_3y", "capacity_block")
