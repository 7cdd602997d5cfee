"""FedRack's federated-learning core: models as blocks, methods as files, one link between them.

Runs on boards: Python >= 3.6, torch >= 1.10, numpy, grpcio. Imports nothing of the harness.
"""
