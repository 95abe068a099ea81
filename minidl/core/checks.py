"""The one door for arrays from outside: read as numbers, cast to a dtype, or refused by name.

What NumPy would make of other libraries' arrays and tables in silence is wrong more often than
not: it drops masks, reads text as numbers, and wraps what it does not know into one object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from minidl.core.errors import DataError, DtypeError, MinidlError
from minidl.core.settings import short

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
"""What can be calculated with."""

_LARGEST = float(np.finfo(np.float32).max)

_BY_KIND = {
    "c": "Give real and imaginary parts as two numbers: .real and .imag.",
    "m": "Divide by a unit: x / np.timedelta64(1, 's').",
    "M": "Count from the first: (x - x.min()) / np.timedelta64(1, 'D').",
    "V": "Give each field as a column: numpy.lib.recfunctions.structured_to_unstructured(x).",
}
"""The remedy for what holds no numbers, by numpy's kind of dtype."""

_TEXT = "Turn text into numbers first: sklearn's LabelEncoder and OneHotEncoder do."
_OBJECTS = "Give an array of numbers: fill in what is missing, turn text into numbers."

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.ASCII | re.I)


class Tracked:
    """What remembers the operations on it: a Tensor, which floors above this one make."""

    _array: np.ndarray
    apply: Any
    broadcast_to: Any
    _counted: Any
    numpy: Any


def text_number(text: str) -> float | None:
    """The number that a text is to everybody; None for ``"1_0"`` and ``"١٠"``, which Python reads.

    Examples
    --------
    >>> text_number(" 1e1 "), text_number("1_0"), text_number("1,000"), text_number("0x10")
    (10.0, None, None, None)
    """
    text = text.strip()
    return float(text) if NUMBER.fullmatch(text) else None


def as_array(culprit: str, x: Any) -> np.ndarray:
    """What came as a plain array in the machine's byte order, of any dtype.

    Raises
    ------
    DataError
        For what is no array: rows of several lengths, masked numbers, sparse matrices, tensors of
        other libraries that do not let theirs go.

    Examples
    --------
    >>> as_array("X", np.ma.array([1.0, 2.0], mask=[False, True]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minidl.core.errors.DataError: X: expected numbers without gaps, got 1 masked. Write...
    """
    if type(x) is not np.ndarray:
        check_unmasked(culprit, x)
        if hasattr(x, "toarray") and hasattr(x, "nnz"):
            got = f"a sparse {type(x).__name__}"
            raise DataError(culprit, "an array", got, f"Write {_name(culprit)}.toarray().")
        try:
            x = np.asarray(x)
        except MinidlError:
            raise
        except Exception as error:  # each library has its own
            raise _unreadable(culprit, x, error) from error
    return x if x.dtype.isnative else x.astype(x.dtype.type)


def check_unmasked(culprit: str, x: Any) -> None:
    """An error if any number is masked: NumPy would take what lies below the mask."""
    if masked := _masked(x):
        name = _name(culprit)
        remedy = f"Write {name}.filled(0.0), say, or leave such rows out."
        if getattr(x, "ndim", 0) == 2:
            remedy = (
                f"Write {name}.filled(0.0), say, or np.ma.compress_rows({name}), and leave the "
                "same rows of the other arrays out."
            )
        raise DataError(culprit, "numbers without gaps", f"{masked} masked", remedy)


def _masked(x: Any) -> int:
    """How many numbers are masked, in lists of arrays, too."""
    if isinstance(x, np.ma.MaskedArray):  # one of fields holds no numbers anyway
        return int(np.ma.count_masked(x)) if x.dtype.names is None else 0
    if isinstance(x, list | tuple):
        return sum(_masked(part) for part in x if type(part) is not float)
    return 0


def _name(culprit: str) -> str:
    """What the user calls the array: y_true of ``mse(y_true=…)``."""
    if inner := re.search(r"\((\w+)(=…)?\)$", culprit):
        return inner[1]
    last = culprit.split()[-1]
    return last if last in ("X", "y", "grad") else "x"


def _unreadable(culprit: str, x: Any, error: Exception) -> DataError:
    """What NumPy cannot make an array of."""
    name, expected = _name(culprit), "an array of numbers"
    if type(x).__module__.partition(".")[0] == "torch":
        wide = ".float()" if "BFloat16" in str(error) else ""
        got = f"a torch.Tensor that does not give its numbers ({str(error).rstrip('.')})"
        return DataError(culprit, expected, got, f"Write {name}.detach(){wide}.cpu().numpy().")
    if isinstance(x, list | tuple) and isinstance(error, ValueError):
        remedy = "Fill the short ones up, or leave them out."
        return DataError(culprit, "rows of one length", "rows of several lengths", remedy)
    got = f"a {type(x).__name__}, of which NumPy says: {str(error).rstrip('.')}"
    return DataError(culprit, expected, got, f"Make it an array first: np.array({name}).")


def as_numbers(culprit: str, x: Any, refusal: type[MinidlError] = DataError) -> np.ndarray:
    """Data as an array of numbers; text, ragged rows and what is missing are refused.

    A Tensor gives its own. Numbers keep their dtype; objects that are numbers, as in a table of
    mixed columns, become float64. ``refusal`` is the class of the error for what holds other
    things than numbers.
    """
    array = as_array(culprit, x.numpy() if isinstance(x, Tracked) else x)
    kind = array.dtype.kind
    if kind == "O":
        return _of_objects(culprit, array, x, refusal)
    if kind not in "fiub":
        remedy = _BY_KIND.get(kind, _TEXT)
        raise refusal(culprit, "numbers", f"an array of {array.dtype}", remedy)
    return array


def _of_objects(
    culprit: str, objects: np.ndarray, given: Any, refusal: type[MinidlError]
) -> np.ndarray:
    for place, x in enumerate(objects.flat):
        if not _is_number(x):
            got, remedy = _no_number(_name(culprit), objects, place, given)
            raise refusal(culprit, "numbers", got, remedy)
    return objects.astype(np.float64)


def _is_number(x: Any) -> bool:
    """Whether it is one that float64 holds; of text numpy would read some."""
    like_a_number = hasattr(x, "__float__") or hasattr(x, "__index__")
    if isinstance(x, str | bytes) or not like_a_number:
        return False
    try:
        float(x)
    except Exception:  # each class has its own
        return False
    return True


def _no_number(name: str, objects: np.ndarray, place: int, given: Any) -> tuple[str, str]:
    """What came instead of a number, and the remedy; of a table, the columns by name."""
    first = objects.flat[place]
    columns: Any = getattr(given, "columns", None)
    if objects.ndim == 2 and columns is not None:
        return _no_column(name, objects, place, list(columns))
    remedy = _OBJECTS
    if _is_date(first):
        remedy = _BY_KIND["M"]
    elif objects.ndim == 0 and isinstance(first, Mapping):
        remedy = f"Write pandas.DataFrame({name}), or a list of rows."
    elif objects.ndim == 0 and isinstance(first, Iterable):
        remedy = f"Write list({name})."
    return short(first), remedy


def _no_column(name: str, objects: np.ndarray, place: int, columns: list[Any]) -> tuple[str, str]:
    """The same of a table: which columns hold something else, and what to do with them."""
    row, j = divmod(place, len(columns))
    first = objects[row, j]
    wrong = [column for i, column in enumerate(columns) if not all(map(_is_number, objects[:, i]))]
    got = f"{short(first)} in row {row} of column {columns[j]!r}"
    if len(wrong) > 1:
        got += f" (the columns {', '.join(map(repr, wrong))} hold more than numbers)"
    remedy = f"Fill in what is missing: {name}.fillna(…), or leave such rows out."
    if isinstance(first, str | bytes):
        remedy = (
            f"Leave text out, {name}.drop(columns={wrong}), or encode it: "
            f"pandas.get_dummies({name}, columns={wrong}, dtype=float)."
        )
    elif _is_date(first):
        remedy = _BY_KIND["M"].replace("x", f"{name}[{columns[j]!r}]")
    return got, remedy


def _is_date(x: Any) -> bool:
    return hasattr(x, "isoformat") and str(x) != "NaT"


def cast_checked(
    culprit: str, array: np.ndarray, dtype: np.dtype, copy: bool | None = None
) -> np.ndarray:
    """Numbers in a network's dtype, contiguous and aligned; those too large for it are refused.

    They lie where they lay if they can, unless ``copy`` is True.
    """
    try:
        with np.errstate(over="raise"):
            cast = np.array(array, dtype, order="C", copy=copy)  # a number stays one, without axes
    except FloatingPointError as error:
        largest = np.finfo(dtype).max
        first = array[np.isfinite(array) & (np.abs(array) > largest)][0]
        remedy = "Scale them, or build the network with dtype='float64'."
        expected = f"numbers up to {largest:.2g}, which is all that {dtype} holds"
        raise DataError(culprit, expected, f"{first:g}", remedy) from error
    return cast if cast.flags.aligned else cast.copy()


def kept_dtype(dtype: Any) -> np.dtype:
    """The dtype in which a tensor keeps numbers of this one."""
    try:
        known = np.dtype(dtype).newbyteorder("=")
    except TypeError:
        known = np.dtype(object)
    if known.kind not in "fiub":
        expected, remedy = "a dtype of numbers", "Write dtype='float32'."
        raise DtypeError("Tensor(dtype=…)", expected, short(dtype), remedy)
    if known.kind != "f" or known in FLOATS:
        return np.dtype(known.type)  # NumPy's own instance, which is told apart fast
    return np.dtype(np.float32 if known.itemsize < 4 else np.float64)


def is_float(x: Any) -> bool:
    """Whether it is a number or an array that can be calculated with as it is: told fast."""
    return type(x) is float or (type(x) is np.ndarray and x.dtype in FLOATS)


def as_float(array: Any, dtype: Any = None, culprit: str = "an operand") -> np.ndarray:
    """An array as kernels want it: contiguous, aligned, writable, float32 or float64.

    Of Python's numbers and arrays of another dtype, those too large for ``dtype`` are refused.
    """
    if type(array) is float:  # the most common operand of all beside tensors
        if -_LARGEST <= array <= _LARGEST or not isfinite(array):
            return np.asarray(array, dtype)
        array = np.asarray(array)
    if not is_float(array):
        array = as_numbers(culprit, array)
    if dtype is None:
        dtype = array.dtype if array.dtype in FLOATS else np.float64
    if array.dtype != dtype:
        array = cast_checked(culprit, array, dtype)
    flags = array.flags
    if flags.c_contiguous and flags.aligned and flags.writeable:
        return array
    return np.require(array, requirements=["C", "A", "W"])


def common_dtype(operands: Sequence[Any], otherwise: Any) -> np.dtype:
    """The floating dtype that arrays agree on; Python numbers and lists have none to say."""
    given = [x.dtype for x in operands if isinstance(x, np.ndarray | np.generic)]
    native = [np.dtype(dtype.type) if dtype.kind == "f" else dtype for dtype in given]
    dtypes = [dtype if dtype in FLOATS else np.dtype(np.float64) for dtype in native]
    return np.result_type(*dtypes) if dtypes else np.dtype(otherwise)


def reshaping(name: str, x: Any, shape: str) -> str:
    """The code that reshapes what came: a pandas Series has no ``reshape``.

    Examples
    --------
    >>> reshaping("X", np.zeros(3), "-1, 1")
    'X.reshape(-1, 1)'
    """
    table = hasattr(x, "to_numpy") and not hasattr(x, "reshape")
    return f"{name}{'.to_numpy()' if table else ''}.reshape({shape})"


def as_written_for(remedy: str, name: str, x: Any) -> str:
    """A remedy that says ``y_true.reshape(…)``, in terms of what came as ``y_true``.

    Examples
    --------
    >>> as_written_for("Write y.reshape(-1, 1).", "y", np.zeros(3))
    'Write y.reshape(-1, 1).'
    """
    return re.sub(rf"\b{name}\.reshape\(", reshaping(name, x, "")[:-1], remedy)
