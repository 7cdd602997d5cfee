"""One board of the rack: its connection, its agent, and the state it is in."""
