"""What the reports on studies with simulated clients share: accuracy over rounds and time, who took part, ablations."""
