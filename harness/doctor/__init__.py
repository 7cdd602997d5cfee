"""Preflight: what stands between a board and a run. One file a check; each says what it saw and what to do about it."""
