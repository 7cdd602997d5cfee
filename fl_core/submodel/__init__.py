"""Smaller models cut out of a larger one's tensors, and put back: width (HeteroFL, FedRolex)."""
