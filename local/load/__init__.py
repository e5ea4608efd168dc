"""Many visitors who type at the same time: the plan, their latency, what agents saw, the cost."""
