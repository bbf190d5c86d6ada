"""Operations of the vendor (section 6) that this server does not have: they are known, and forbidden."""

import pytest
from trustedtwin.tt_endpoints import ENDPOINTS

from conftest import BUILT, FORBIDDEN, OPEN, UNAUTHENTICATED, UNBUILT, UNKNOWN, call_somehow


def test_every_operation_of_the_vendors_client_is_accounted_for():
    assert {*BUILT, *UNBUILT} == set(ENDPOINTS)


@pytest.mark.parametrize("operation", UNBUILT)
def test_an_operation_that_is_not_built_is_forbidden(admin, operation):
    call_somehow(admin, operation).refused(FORBIDDEN)


@pytest.mark.parametrize("operation", UNBUILT)
def test_an_operation_that_is_not_built_asks_for_authentication_all_the_same(anonymous, operation):
    call_somehow(anonymous, operation).refused(FORBIDDEN if operation in OPEN else UNAUTHENTICATED)


def test_a_name_of_a_document_may_have_slashes(admin):
    admin.get_twin_doc(UNKNOWN, "manuals/a.pdf").refused(FORBIDDEN)
