"""What a stage costs before anybody trains it: bytes held, saved, sent, and multiplications. Runs on the server."""
