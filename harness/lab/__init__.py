"""The virtual rack: boards made of Linux namespaces and cgroups, on a wire of their own. See docs/virtual-rack.md."""
