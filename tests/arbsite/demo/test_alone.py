import pytest

from arbsite.demo.alone import run_alone
from domain.errors import Refused


def test_a_second_system_in_one_state_folder_is_refused(tmp_path):
    with run_alone(tmp_path), pytest.raises(Refused, match="runs already"), run_alone(tmp_path):
        pass


def test_the_next_one_may_run_when_the_first_has_ended(tmp_path):
    with run_alone(tmp_path):
        pass
    with run_alone(tmp_path):
        pass
