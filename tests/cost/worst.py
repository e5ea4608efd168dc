"""The worst bill: what one token, and strangers, can make a deployment cost in an hour, by its own limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.relay.burst import STARTS, TRUES

from tests.cost import message
from tests.cost.columns import HELD, Column
from tests.cost.model import Model, memory_mb
from tests.cost.prices import PRICES, dollars
from tests.cost.report import table
from tests.support.template import PARAMETERS, properties

SECONDS = 3600
#: Tabs of one visitor together may send this many times what one may (``functions/keystroke/app.py``).
TABS = 2
#: And this many messages, all together (there, too).
MESSAGES_A_SECOND = 2
#: A record with ten tabs, in KB: each write of it costs this many units.
RECORD_KB = 3
#: The authorizer, and the connection function when a tab comes and when it goes; it is added, stops, and is forgotten.
HANDSHAKE_CALLS, HANDSHAKE_WRITES = 3, 3
#: Contact, agent, place in the queue, how many messages are unread, which files may be sent, who types.
MOST_TOLD = 6


def limits(**instead: int) -> dict[str, int]:
    """The template's numbers by default, with these ``instead``."""
    numbers = {name: given["Default"] for name, given in PARAMETERS.items() if given["Type"] == "Number"}
    return numbers | instead


def frame(is_taken: bool) -> dict[str, float]:
    """A frame that is taken is a write; one that is dropped at the door is a call all the same."""
    return {**_invoked(1 if is_taken else 0), "messages": 1, "write_units": RECORD_KB if is_taken else 0}


def hello() -> dict[str, float]:
    """In a conversation: the record is read, the welcome sent, and the keeper nudged to tell the current state."""
    return {**_invoked(3), "messages": 3, "read_units": 1}


def _invoked(calls: int) -> dict[str, float]:
    """The keystroke function, with this many calls to AWS."""
    model = Model()
    ms = calls * model.dynamodb + model.on_cpu("Keystroke", model.invocation_cpu + calls * model.call_cpu)
    return {"calls": 1, "lambda_gb_s": ms / 1000 * memory_mb("Keystroke") / 1024}


def handshake() -> dict[str, float]:
    """Authorizer, connection, and the same function when it ends."""
    model = Model()
    ms = HANDSHAKE_WRITES * model.dynamodb + model.on_cpu("Connection", HANDSHAKE_CALLS * model.invocation_cpu)
    return {
        "messages": 1,
        "calls": HANDSHAKE_CALLS,
        "lambda_gb_s": ms / 1000 * memory_mb("Connection") / 1024,
        "write_units": HANDSHAKE_WRITES,
    }


def one_token(counted: Mapping[str, Column], of: Mapping[str, int]) -> float:
    """$ an hour: all the frames that its budget takes, from all its connections: what costs more, keys or hellos.

    And, on Digital-First, as many messages as its budget takes.
    """
    return max(keys_and_stops(counted, of), hellos(of)) + messages()


def messages() -> float:
    """$ an hour."""
    return SECONDS * MESSAGES_A_SECOND * dollars(message.billed())


def hellos(of: Mapping[str, int]) -> float:
    """$ an hour: nothing but hellos in a conversation; all connections are told the state once in two seconds."""
    used = Counter({what: count * SECONDS * TABS * of["FrameRate"] for what, count in hello().items()})
    told = SECONDS * 1000 / ConversationPolicy().catch_up_ms * MOST_TOLD * of["MaxConnections"]
    used.update({"messages": told, "connection_minutes": 60 * of["MaxConnections"]})  # type: ignore[dict-item]
    return dollars(dict(used))


def keys_and_stops(counted: Mapping[str, Column], of: Mapping[str, int]) -> float:
    """$ an hour: keys and stops in turn."""
    burst = {what: count for what, count in counted[HELD].billed.items() if what != "connection_minutes"}
    bursts = SECONDS * 1000 / max(TRUES.every_ms, 2 * STARTS.every_ms)
    used = Counter({what: count * bursts for what, count in burst.items()})
    used.update({what: count * SECONDS * TABS * of["FrameRate"] for what, count in frame(is_taken=True).items()})  # type: ignore[arg-type]
    used["connection_minutes"] = 60 * of["MaxConnections"]
    return dollars(dict(used))


def frames_of_all(of: Mapping[str, int]) -> float:
    """$ an hour: frames on every route at the stage's limit, each of them taken, as from some hundred tokens."""
    routes = len(properties("WebSocketApi")["Routes"])
    a_second = routes * of["MessageRateLimit"]
    if of["KeystrokeConcurrency"]:  # each environment handles one at a time
        ms = 1000 * frame(is_taken=True)["lambda_gb_s"] * 1024 / memory_mb("Keystroke")
        a_second = min(a_second, int(of["KeystrokeConcurrency"] * 1000 / ms))
    return SECONDS * a_second * dollars(frame(is_taken=True))


def handshakes_of_all(of: Mapping[str, int]) -> float:
    """$ an hour: handshakes at the stage's limit, each with a good token, and over at once."""
    return SECONDS * of["ConnectRateLimit"] * dollars(handshake())


def keepers(of: Mapping[str, int]) -> float:
    """$ an hour: all keepers that scaling may start."""
    return of["KeeperMaxTasks"] * PRICES["task_hours"]


def worst_table(counted: Mapping[str, Column]) -> str:
    """The table of docs/cost.md."""
    of = limits()
    rows = [
        ("one token, all that its budget takes", one_token(counted, of), "`FrameRate`, `MaxConnections`"),
        ("frames at the limit of each route", frames_of_all(of), "`MessageRateLimit`, `KeystrokeConcurrency`"),
        ("handshakes at the limit", handshakes_of_all(of), "`ConnectRateLimit`"),
        ("all keepers started", keepers(of), "`KeeperMaxTasks`"),
    ]
    return table(["$ an hour, at most", "$", "lowered by"], [[what, f"{money:.2f}", by] for what, money, by in rows])
