"""One federated-learning method, one file. `base` says what a method decides; everything else is shared."""
