"""What training costs in memory, and ways to spend less: meters, recomputation, a lean optimiser."""
