"""Which clients take part in a round: pure functions from what the server knows to names, a file per rule."""
