"""The report on SmartFreeze: memory, pace, who takes part, accuracy and time, beside its claims."""
