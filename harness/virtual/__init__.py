"""Boards made of software, in three levels of likeness: embedded, namespace, emulated."""
