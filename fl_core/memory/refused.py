"""Whether an error says that memory was refused, whoever refused it."""

ALLOCATION_ERRORS = ("not enough memory", "can't allocate memory", "Cannot allocate memory", "out of memory")


def out_of_memory(error: BaseException) -> bool:
    """Whether an allocation was refused (an rlimit, or a kernel that does not overcommit)."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in ALLOCATION_ERRORS)
    )
