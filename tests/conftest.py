"""Fixtures that several files share."""

from contextlib import contextmanager

import pytest


@pytest.fixture(scope="session")
def refused():
    """A context that expects an error of one kind, whose four parts each hold the given words."""

    @contextmanager
    def expect(kind, culprit, expected, got, remedy):
        with pytest.raises(kind) as caught:
            yield
        error = caught.value
        assert type(error) is kind
        for part, words in (
            (error.culprit, culprit),
            (error.expected, expected),
            (error.got, got),
            (error.remedy, remedy),
        ):
            assert words, "an empty string is in every string"
            assert words in part
            assert part in str(error)

    return expect
