"""The one validating edge: YAML files become frozen data here, or every mistake in them is listed at once."""

from harness.load.inventory import load_inventory
from harness.load.study import load_study

__all__ = ["load_inventory", "load_study"]
