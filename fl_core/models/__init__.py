"""Models as ordered, named blocks. `blocks` is the partition; then a file per family."""
