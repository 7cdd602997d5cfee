"""The report on SmartSplit: cuts, recomputation and managers against the other ways to split, on every board."""
