"""When a stage of progressive training moves on: what a block still does, and the rule that reads it."""
