from arbsite.embedded import ports


def test_a_reserved_port_is_nobody_elses_until_it_is_released():
    port = ports.reserve()
    assert not ports.is_free(port)
    assert ports.reserve(port) != port
    ports.release(port)
    assert ports.is_free(port)


def test_releasing_a_port_that_nobody_reserved_changes_nothing():
    ports.release(1)
