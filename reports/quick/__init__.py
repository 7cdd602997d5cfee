"""The quick report: four methods on every board of the selection, memory first."""
