"""Advisory locks: one holder, across sessions."""

import pytest
from django.db import transaction

from ops.locks import advisory, hold_until_commit, is_held
from tests.sessions import in_another_session


def is_free(name: str) -> bool:
    with advisory(name) as taken:
        return taken


@pytest.mark.django_db(transaction=True)
def test_a_second_session_does_not_get_a_lock_that_is_held():
    with advisory("scan") as taken:
        assert taken
        assert not in_another_session(lambda: is_free("scan"))
        assert in_another_session(lambda: is_free("other"))
    assert in_another_session(lambda: is_free("scan"))


@pytest.mark.django_db(transaction=True)
def test_a_lock_is_let_go_after_an_error():
    with pytest.raises(ZeroDivisionError), advisory("scan"):
        raise ZeroDivisionError
    assert in_another_session(lambda: is_free("scan"))


@pytest.mark.django_db(transaction=True)
def test_a_lock_held_until_commit_ends_with_the_transaction():
    with transaction.atomic():
        hold_until_commit("scan")
        assert not in_another_session(lambda: is_free("scan"))
    assert in_another_session(lambda: is_free("scan"))


@pytest.mark.django_db(transaction=True)
def test_a_lock_until_commit_needs_a_transaction():
    with pytest.raises(transaction.TransactionManagementError, match="'scan'"):
        hold_until_commit("scan")


@pytest.mark.django_db(transaction=True)
def test_whether_a_lock_is_held_is_seen_from_every_session_and_takes_nothing():
    assert not is_held("scan")
    with advisory("scan"):
        assert is_held("scan") and in_another_session(lambda: is_held("scan"))
        assert not is_held("other")
    assert not is_held("scan")
    assert in_another_session(lambda: is_free("scan"))


@pytest.mark.django_db(transaction=True)
def test_those_who_share_a_lock_keep_out_whoever_wants_it_alone_and_no_other():
    def is_shared() -> bool:
        with advisory("scan", shared=True) as taken:
            return taken

    with advisory("scan", shared=True) as taken:
        assert taken and in_another_session(is_shared)
        assert not in_another_session(lambda: is_free("scan"))
    with advisory("scan"):
        assert not in_another_session(is_shared)
    assert in_another_session(lambda: is_free("scan"))
