"""Names and settings that answer a typo with "did you mean"."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Generic, Protocol, TypeVar

from minidl.core.errors import ArgumentError, UnknownNameError


def did_you_mean(name: object, names: Iterable[str], otherwise: str) -> str:
    """The remedy for a name that nobody knows: the nearest known one.

    Examples
    --------
    >>> did_you_mean("leaky_rel", ["relu", "leaky_relu"], "See the list.")
    "Did you mean 'leaky_relu'?"
    >>> did_you_mean("ReLU", ["relu", "leaky_relu"], "See the list.")
    "Did you mean 'relu'?"
    """
    spellings = {known.lower(): known for known in reversed([*names])}
    close = get_close_matches(str(name).lower(), list(spellings)[::-1], n=1, cutoff=0.5)
    return f"Did you mean {spellings[close[0]]!r}?" if close else otherwise


ELSEWHERE: Mapping[str, Sequence[str]] = {
    "lr": ["learning_rate"],
    "eta0": ["learning_rate"],
    "eps": ["epsilon"],
    "betas": ["beta1", "beta2"],
    "alpha": ["rho"],
    "l2": ["weight_decay"],
    "negative_slope": ["alpha"],
}
"""What PyTorch, Keras and scikit-learn call a setting, and what it may be called here."""


def with_defaults(
    name: str,
    defaults: Mapping[str, Any],
    given: Mapping[str, Any],
    others: Sequence[str] = (),
) -> dict[str, Any]:
    """Settings as given, the others by default; one that does not exist is an error.

    ``others`` are settings that were taken before, which a wrong name may have meant.
    """
    known = [*defaults, *others]
    for key in given:
        if key not in defaults:
            raise ArgumentError(
                f"{name}({key}=…)",
                f"one of {', '.join(known)}" if known else "no settings at all",
                repr(key),
                _meant(key, known),
            )
    return {**defaults, **given}


def _meant(key: str, known: Sequence[str]) -> str:
    """The remedy for a setting that does not exist."""
    if same := [f"{word}=…" for word in ELSEWHERE.get(key, ()) if word in known]:
        return f"Write {' and '.join(same)}."
    otherwise = "Nothing here is like it: write one of these, or leave" if known else "Leave"
    return did_you_mean(key, known, f"{otherwise} it out.")


LONGEST = 40
"""Of a name, in characters."""


def check_name(culprit: str, name: object) -> None:
    """An error unless a name will do in a file's name, a listing, a ledger and a command.

    Examples
    --------
    >>> check_name("MyAct.name", "my/act")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minidl.core.errors.ArgumentError: MyAct.name: expected ..., got 'my/act'. Write 'my_act', say.
    """
    if isinstance(name, str) and len(name) <= LONGEST and re.fullmatch(r"(?a)(?!\d)\w+", name):
        return
    proposal = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_")[:LONGEST]
    raise ArgumentError(
        culprit,
        f"a name of at most {LONGEST} letters, digits and _, that begins with a letter",
        reprlib.repr(name),
        f"Write {proposal if proposal[:1].isalpha() else 'my_own'!r}, say.",
    )


class Entry(Protocol):
    """What a registry holds: anything that has a name, and perhaps other names."""

    name: str
    aliases: tuple[str, ...]


class ClassEntry:
    """A class as an entry: where what is registered is made anew for each use."""

    def __init__(self, cls: Any, name: str = "") -> None:
        self.name, self.aliases, self.cls = name or cls.name, getattr(cls, "aliases", ()), cls


T = TypeVar("T", bound=Entry)


class Registry(Generic[T]):
    """Entries by name, in the order they were registered.

    Parameters
    ----------
    kind : str
        What the entries are, for messages: ``"activation"``.
    listing : str
        The command that lists them.

    Examples
    --------
    >>> from minidl.nn import activations
    >>> activations["swish"].name
    'silu'
    >>> from minidl.optim import optimizers
    >>> optimizers
    Registry('optimizer': sgd, adam, adamw, rmsprop)
    """

    def __init__(self, kind: str, listing: str = "minidl list") -> None:
        self.kind, self.listing = kind, listing
        self._entries: dict[str, T] = {}
        self._aliases: dict[str, str] = {}
        self._sources: dict[str, tuple[str, str]] = {}
        self._settled: frozenset[str] = frozenset()

    def register(self, entry: T, cls: type | None = None) -> None:
        """Add an entry; no name, or one that is taken already, is an error.

        ``cls`` is the class that it was made from. One that was defined again, with the same
        module and qualified name, replaces what it registered before under these names: a cell
        of a notebook is run twice.
        """
        made_from = cls or type(entry)
        culprit = f"{self.kind} {made_from.__name__}"
        if not entry.name:
            got, remedy = "none", f"Write name = {made_from.__name__.lower()!r} in the class."
            raise ArgumentError(culprit, "a name", got, remedy)
        aliases: Any = entry.aliases
        if isinstance(aliases, str):  # its letters would be taken for names
            got, remedy = repr(aliases), f"Write aliases = ({aliases!r},)."
            raise ArgumentError(f"{culprit}: aliases", "a tuple of names", got, remedy)
        names = (entry.name, *aliases)
        for name in names:
            check_name(culprit, name)
        source = (made_from.__module__, made_from.__qualname__)
        before = {self[name].name: name for name in names if name in self}
        for known, name in before.items():
            if cls is None or known in self._settled or self._sources.get(known) != source:
                raise self._taken(name, known)
        for known in before:
            self.unregister(known)
        self._entries[entry.name] = entry
        self._aliases.update(dict.fromkeys(aliases, entry.name))
        if cls is not None:
            self._sources[entry.name] = source

    def _taken(self, name: str, known: str) -> ArgumentError:
        remedy = f"Give the new {self.kind} another name"
        return ArgumentError(
            f"{self.kind} {name!r}",
            "a name of its own",
            f"one that {known!r} has already",
            f"{remedy}." if known in self._settled else f"{remedy}, or unregister({name!r}) first.",
        )

    def register_class(
        self,
        cls: Any,
        base: type,
        public: str,
        entry: Callable[[Any], T] = lambda cls: cls(),
        body: str = "value and slope",
    ) -> None:
        """Add an entry for a class, which a decorator was put above: an instance, most often.

        ``base`` is what it must be made from, ``public`` the name that users know that by, and
        ``body`` what they write in it.
        """
        fits = isinstance(cls, type) and issubclass(cls, base)
        if not fits:
            name = getattr(cls, "__name__", repr(cls))
            got = f"{'the class' if isinstance(cls, type) else 'a ' + type(cls).__name__} {name}"
            capitalised = name[:1].upper() + name[1:] if name.isidentifier() else "Mine"
            remedy = f"Write class {capitalised}({public}): with {body} in it."
            raise ArgumentError(f"@ml.{self.kind}", f"a class made from {public}", got, remedy)
        self.register(entry(cls), cls)

    def protect_entries(self) -> None:
        """Have what is registered by now stay: it can no longer be taken out."""
        self._settled = frozenset(self._entries)

    def unregister(self, name: str) -> None:
        """Take an entry out again, with its aliases; one of minidl's own is refused."""
        if self[name].name in self._settled:
            expected, remedy = f"your own {self.kind}", f"Give yours another name than {name!r}."
            raise ArgumentError(f"unregister({name!r})", expected, "one of minidl's", remedy)
        entry = self._entries.pop(self[name].name)
        self._sources.pop(entry.name, None)
        for alias in entry.aliases:
            self._aliases.pop(alias, None)

    def __getitem__(self, name: str) -> T:
        entry = self._entries.get(self._aliases.get(name, name))
        if entry is not None:
            return entry
        otherwise = f"See `{self.listing}` for every {self.kind}."
        remedy = did_you_mean(name, [*self._entries, *self._aliases], otherwise)
        raise UnknownNameError(self.kind, f"one of {', '.join(self._entries)}", repr(name), remedy)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._aliases

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Registry({self.kind!r}: {', '.join(self._entries)})"

    def names(self) -> list[str]:
        """The names, without aliases, in the order of registration."""
        return list(self._entries)
