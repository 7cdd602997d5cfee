"""Studies of a split on measured profiles: cut, bandwidth, mode, batch and power mode. Pure arithmetic, no torch."""
