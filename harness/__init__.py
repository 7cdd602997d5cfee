"""FedRack's controller: inventory, boards, cells, traces."""

__version__ = "0.1.0"
