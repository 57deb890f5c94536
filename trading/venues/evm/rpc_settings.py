"""How a chain's nodes are reached, and how long anything may take."""

from dataclasses import dataclass

from domain.errors import BadInput
from domain.secret import Secret


@dataclass(frozen=True, slots=True)
class RpcSettings:
    """A chain and its nodes; addresses best first. Raises: BadInput."""

    name: str
    chain_id: int
    urls: tuple[Secret, ...]
    requests_per_s: float = 300.0  # over all processes
    max_lag_blocks: int = 3  # a node further behind the best head is not asked for the latest
    hedge_s: float = 0.3  # without an answer by then, the next node is asked beside
    attempt_s: float = 4.0  # one exchange with one node
    deadline_s: float = 8.0  # a whole question
    look_s: float = 2.0  # the longest we wait for heads
    grace_s: float = 0.1  # after the first head, for those of the other nodes
    head_age_s: float = 0.25  # "latest" means a head not older than this
    first_rest_s: float = 1.0  # after a failure others are asked first, twice as long after each further one
    longest_rest_s: float = 30.0
    forget_s: float = 10.0  # a head heard longer ago is no measure for other nodes

    def __post_init__(self) -> None:
        if not self.urls:
            raise BadInput(f"{self.name} has no node: name at least one address")
