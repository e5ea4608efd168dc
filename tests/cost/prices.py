"""What AWS asks for each thing: list prices of us-east-1 in US dollars, without free tiers."""

#: DynamoDB's are the newest of these: they hold since then. From AWS's price pages, aws.amazon.com/{service}/pricing.
AS_OF = "November 2024"

#: What is counted -> dollars for one.
PRICES = {
    # api-gateway: WebSocket APIs, per message of up to 32 KB either way, and per minute of a connection
    "messages": 1.00e-6,
    "connection_minutes": 0.25e-6,
    # lambda: Arm, per call and per GB-second; a call's time counts in whole ms
    "calls": 0.20e-6,
    "lambda_gb_s": 0.0000133334,
    # step-functions: Express, per execution and per GB-second (64 MB; in steps of 100 ms)
    "executions": 1.00e-6,
    "express_gb_s": 0.00001667,
    # dynamodb: on demand, per unit; the index by_lease included
    "write_units": 0.625e-6,
    "read_units": 0.125e-6,
    # sqs: per request
    "queue_requests": 0.40e-6,
    # cloudwatch: logs taken in, per byte
    "log_bytes": 0.50 / 2**30,
    # xray: per trace recorded
    "traces": 5.00e-6,
    # fargate: Linux on Arm, an hour of 0.25 vCPU and 0.5 GB
    "task_hours": 0.25 * 0.03238 + 0.5 * 0.00356,
    # vpc: a public address, per hour; NAT gateway, per hour and per byte either way
    "ipv4_hours": 0.005,
    "nat_hours": 0.045,
    "nat_bytes": 0.045 / 2**30,
    # cloudwatch: a month of a metric that an alarm looks at, of a metric of one's own, of a dashboard
    "alarm_metrics": 0.10,
    "composite_alarms": 0.50,
    "own_metrics": 0.30,
    "dashboards": 3.00,
    # kms: per request; AWS's own keys, too
    "kms_requests": 0.03 / 10_000,
    # secretsmanager: a month of a secret
    "secrets": 0.40,
}
#: What X-Ray records of the calls of each function and of the state machine: the first in a second, and of the others
#: this part (Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray"). It cannot be set.
TRACED_A_SECOND, TRACED_BEYOND = 1, 0.05
#: DynamoDB asks KMS for a table's key when a connection is new, and once in five minutes of one in use (Amazon DynamoDB
#: Developer Guide, "Encryption at rest: How it works").
KEY_S = 300
#: Large volumes: up to this many a month -> dollars for one beyond the line before. What is not here has one price.
TIERS = {
    "express_gb_s": ((3.6e6, 0.00001667), (18e6, 0.00000833), (float("inf"), 0.00000456)),
    "messages": ((1e9, 1.00e-6), (float("inf"), 0.80e-6)),
}
EXPRESS_GB = 64 / 1024
EXPRESS_STEP_MS = 100


def dollars(counts: dict[str, float], *of: str) -> float:
    """What ``counts`` cost together; only ``of`` these, where they are named."""
    return sum(count * PRICES[what] for what, count in counts.items() if what in (of or PRICES))


def dollars_a_month(counts: dict[str, float]) -> float:
    """What a month's ``counts`` cost together, large volumes at their lower prices."""
    return sum(_by_tiers(what, count) if what in TIERS else count * PRICES[what] for what, count in counts.items())


def _by_tiers(what: str, count: float) -> float:
    cost, before = 0.0, 0.0
    for until, price in TIERS[what]:
        cost += price * max(0.0, min(count, until) - before)
        before = until
    return cost
