"""The report on NeuLite: memory, pace, who takes part, accuracy and time, beside its claims."""
