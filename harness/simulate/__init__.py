"""Studies with more clients than boards: who the clients are, and how fast their boards."""
