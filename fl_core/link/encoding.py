"""How float32 arrays may be written on the wire: fewer bytes for fewer digits. Everything else travels as it is.

| name | bytes | keeps |
| --- | --- | --- |
| float32 | 4 | every bit |
| bfloat16 | 2 | 8 bits of fraction and float32's range, rounded to nearest even |
| float16 | 2 | 11 bits of fraction; beyond 65504 it is infinite |
| int8 | 1 | 255 levels of the array's largest magnitude, one scale per array |
"""

from typing import Callable, Dict, NamedTuple, Tuple

import numpy as np


class Encoding(NamedTuple):
    """`encode` gives the array on the wire and its scale; `decode` makes float32 of both."""

    dtype: str  # on the wire
    encode: Callable[[np.ndarray], Tuple[np.ndarray, float]]
    decode: Callable[[np.ndarray, float], np.ndarray]


def _to_bfloat16(array: np.ndarray) -> Tuple[np.ndarray, float]:
    bits = np.ascontiguousarray(array).view(np.uint32)
    rounded = ((bits + (((bits >> 16) & 1) + 0x7FFF)) >> 16).astype(np.uint16)
    return np.where(np.isnan(array), np.uint16(0x7FC0), rounded), 1.0  # rounding may carry a NaN over to infinity


def _from_bfloat16(array: np.ndarray, scale: float) -> np.ndarray:
    return (array.astype(np.uint32) << 16).view(np.float32)


def _to_float16(array: np.ndarray) -> Tuple[np.ndarray, float]:
    with np.errstate(over="ignore"):
        return array.astype(np.float16), 1.0


def _to_int8(array: np.ndarray) -> Tuple[np.ndarray, float]:
    largest = float(np.abs(array).max()) if array.size else 0.0
    if not np.isfinite(largest):
        return np.zeros(array.shape, np.int8), float("nan")  # what is not finite stays so: all of it becomes NaN
    scale = largest / 127 or 1.0
    return np.rint(array / np.float32(scale)).astype(np.int8), scale


def _from_int8(array: np.ndarray, scale: float) -> np.ndarray:
    return array.astype(np.float32) * np.float32(scale)


PLAIN = "float32"
ENCODINGS: Dict[str, Encoding] = {
    PLAIN: Encoding("float32", lambda array: (array, 1.0), lambda array, scale: array),
    "bfloat16": Encoding("uint16", _to_bfloat16, _from_bfloat16),
    "float16": Encoding("float16", _to_float16, lambda array, scale: array.astype(np.float32)),
    "int8": Encoding("int8", _to_int8, _from_int8),
}
