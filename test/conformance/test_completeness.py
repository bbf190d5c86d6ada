"""Checks, after all other tests, that the vendor's client called every operation."""

import pytest

from conftest import BUILT, CALLS


@pytest.mark.parametrize("operation", BUILT)
def test_an_operation_was_called_with_success_and_with_an_error(operation):
    assert CALLS[operation, True] > 0
    assert CALLS[operation, False] > 0
