"""Finding a data set's files in a folder, plain or gzipped."""

import gzip
import os
from typing import Iterable

from fl_core.errors import DataMissing


def read_file(folder: str, names: Iterable[str], remedy: str) -> bytes:
    """Content of the first file that exists, `<name>` or `<name>.gz`. Raises `DataMissing` with the remedy."""
    names = list(names)
    for name in names:
        for path in (os.path.join(folder, name), os.path.join(folder, name + ".gz")):
            if os.path.exists(path):
                opener = gzip.open if path.endswith(".gz") else open
                with opener(path, "rb") as file:
                    return file.read()
    raise DataMissing("no {} in {}: {}".format(" or ".join(names), folder, remedy))
