"""Deleveraging: one file a policy, one line here for each."""

from monitor.core.deleveraging.policy import Policy
from monitor.core.deleveraging.queue_bitmex import QueueBitmex

POLICIES: dict[str, Policy] = {policy.name: policy for policy in (QueueBitmex(),)}
