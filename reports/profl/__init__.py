"""The report on ProFL: memory, pace, who takes part, accuracy and time, beside its claims."""
