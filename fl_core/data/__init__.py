"""Data sets read from files in a folder, and how their samples are dealt to clients. A file per format."""
