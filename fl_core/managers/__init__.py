"""SmartSplit's three managers: pure decisions of the central and the MEC manager, and the device's own."""
