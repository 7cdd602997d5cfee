"""A run in other programs' hands: tables with units, tracking entries, and a bundle that re-draws its figures."""
