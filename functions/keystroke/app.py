"""Frames from visitors: hello, keystroke, stop, ping, message, seen, and anything else that arrives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from typing_relay import environment, runtime
from typing_relay.aws.shedding import count_shed, is_shed
from typing_relay.aws.visitors import is_throttled
from typing_relay.deadline import of_the_invocation
from typing_relay.door import frames
from typing_relay.door.frame_budget import Budgets, FrameLimits, Ruling
from typing_relay.relay.burst import GuestStatus, Session
from typing_relay.relay.effects import Flow, Hint
from typing_relay.relay.flows import Became, caught_up, greeted, key_pressed, stopped
from typing_relay.relay.messages import NOT_TAKEN, Sender, asked_of_keeper, handed_over, message_sent, messages_seen
from typing_relay.relay.ports import Key, MessageStatus, SentMessage
from typing_relay.relay.sign_in import SignIn

logger = runtime.logger
policy = runtime.policy()
runner = runtime.visitor_runner()
visitors = runtime.visitors()
TIMINGS = frames.Timings(
    policy.debounce_ms,
    environment.number("HEARTBEAT_MS", 1000),
    policy.hold_ms,
    runtime.agent_typing_ms(),
)
IS_FILE_URL = runtime.is_file_url()
LIMITS = FrameLimits(environment.number("FRAME_RATE", 20), environment.number("FRAME_BURST", 40))
budgets: dict[frames.Budget, Budgets] = {
    "connection": Budgets(LIMITS),
    "session": Budgets(LIMITS.times(2)),
    "messages": Budgets(FrameLimits(rate=2, burst=10)),  # one costs more than a key, and no person writes two a second
}
TOO_MANY: dict[frames.Budget, str] = {
    "connection": "Too many frames. While the visitor types, send one per heartbeat_ms.",
    "session": "Too many frames from all connections of this session together. Send fewer.",
    "messages": "Too many messages. Wait for the answer to each before sending the next.",
}
#: A frame that the record refuses as stale costs up to two writes that fail, and is paid for like seven more.
STALE_COSTS = 7
MESSAGE_DEADLINE_MS = environment.number("MESSAGE_DEADLINE_SECONDS", 300) * 1000
BUSY = "The relay is busy and dropped this frame. Go on: the next one may be taken."
T = TypeVar("T")


@of_the_invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take an API Gateway WebSocket event of a frame. Answers 200; the visitor gets a frame where one is due.

    Session and time come from API Gateway, never from the frame (T13).
    """
    request = event["requestContext"]
    connection, at, session_id = request["connectionId"], request["requestTimeEpoch"], request["authorizer"]["session"]
    if at >= int(request["authorizer"]["expires_at"]) * 1000:
        _hang_up(connection, frames.error("session_expired", frames.EXPIRED))
    elif _within("connection", connection, request) and _within("session", session_id, request):
        _take(event)
    return {"statusCode": 200}


def _within(budget: frames.Budget, whose: str, request: dict[str, Any], message_id: str = "") -> bool:
    """Whether the frame may be taken. If not, its connection is told at most once a second, or closed."""
    connection, limited = request["connectionId"], budgets[budget]
    ruling = limited.spend(whose, request["requestTimeEpoch"])
    logger.debug("frame", ruling=ruling.name, connection=connection)
    if ruling in (Ruling.REFUSE, Ruling.CLOSE):
        visitor = request["authorizer"]
        of = {"session": visitor["session"], "address": visitor.get("address", "")}
        logger.info("rate limited", budget=budget, connection=connection, **of)
        exceeded = frames.Exceeded(budget, limited.retry_in_ms(whose))
        refused = frames.rate_limited(TOO_MANY[budget], exceeded, message_id)
        (_hang_up if ruling is Ruling.CLOSE else _tell)(connection, refused)
    return ruling is Ruling.TAKE


def _take(event: dict[str, Any]) -> None:
    request = event["requestContext"]
    try:
        if event.get("isBase64Encoded"):
            raise frames.BadFrame("bad_frame", "A frame must be text, not binary.")
        frame = frames.parse(event.get("body"), TIMINGS.hold_ms, IS_FILE_URL)
    except frames.BadFrame as bad:
        logger.info("bad frame", code=bad.code)
        _refuse(request["connectionId"], bad)
        return
    try:
        answer = _act(frame, request)
    except Blocked as blocked:
        logger.info("blocked", session=request["authorizer"]["session"])
        _hang_up(request["connectionId"], frames.blocked(blocked.for_ms))
        return
    except ClientError as error:
        if not is_shed(error):
            raise
        count_shed(logger, type(frame).__name__, session=request["authorizer"]["session"])
        answer = frames.error("rate_limited", BUSY, frame.message_id if isinstance(frame, frames.Message) else "")
    if answer:
        _tell(request["connectionId"], answer)


def _refuse(connection: str, bad: frames.BadFrame) -> None:
    if budgets["connection"].note_bad_frame(connection):
        _hang_up(connection, frames.error(bad.code, str(bad)))
    else:
        _tell(connection, frames.error(bad.code, str(bad), bad.message_id))


def _hang_up(connection: str, error: dict[str, Any]) -> None:
    logger.info("connection closed from this side", code=error["code"], connection=connection)
    _tell(connection, error)
    if not visitors.close_unless_throttled(connection):
        logger.info("not closed, API Gateway is throttling: the next frame tries again", connection=connection)


def _tell(connection: str, frame: dict[str, Any]) -> None:
    """Send a frame. It is dropped for a visitor who reads too slowly (429): not reading must not fire an alarm."""
    try:
        visitors.send(connection, frame)
    except ClientError as error:
        if not is_throttled(error):
            raise
        logger.info("answer dropped, the front end is slow to read", connection=connection)


def _act(frame: frames.Frame, request: dict[str, Any]) -> dict[str, Any] | None:
    visitor = request["authorizer"]
    session_id, connection, at = visitor["session"], request["connectionId"], request["requestTimeEpoch"]
    signals = visitor["signals"]
    match frame:
        case frames.Hello(client):
            logger.info("hello", session=session_id, client=client or "unnamed")
            _welcome(request)
        case frames.Ping():
            _tell(connection, frames.pong())  # first: whatever is not in order, the front end is connected
            _greet(request)
        case frames.Keystroke(ago_ms, hold_ms) if signals == "on":
            token_ends = int(visitor["expires_at"])
            key = Key(at - ago_ms, hold_ms, late_ms=ago_ms)
            became = _run(session_id, key_pressed(policy, session_id, connection, key, token_ends))
            _charge_for(became, session_id)
            _log_the_outcome("key", became, session_id)
        case frames.Stop(ago_ms) if signals == "on":
            became = _run(session_id, stopped(policy, session_id, connection, at - ago_ms, ago_ms))
            _charge_for(became, session_id)
            _log_the_outcome("stop", became, session_id)
        case frames.Message():
            return _message(frame, request)
        case frames.Seen():
            reached = runner.messages is not None and _run(session_id, messages_seen(session_id))
            logger.debug("seen", session=session_id, reached=reached)
        case frames.End() | frames.History() | frames.Transcript():
            return _ask(request, *_wanted(frame))
        case SignIn():
            return _sign_in(frame, request)
        case _:
            logger.debug("typing signals are off", session=session_id)
    return None


def _run(session_id: str, flow: Flow[T]) -> T:
    """Run it; the session's budget learns from its record what other processes took. Raises Blocked."""

    records: list[Session] = []

    def noticed(result: Any) -> None:
        if isinstance(result, Session):
            records.append(result)
            budgets["session"].saw(session_id, result.revision)

    done = runner.run(flow, noticed)  # to its end: a stop counts, whoever sends it
    for record in records[-1:]:
        _check_not_blocked(record)
    return done


def _charge_for(became: Became, session_id: str) -> None:
    """What the record refused as stale cost writes and left no trace by which other processes could count it (T18)."""
    if became is Became.STALE:
        budgets["session"].pay(session_id, STALE_COSTS)


class Blocked(Exception):
    """An operator has blocked this visitor for ``for_ms``."""

    def __init__(self, for_ms: int) -> None:
        super().__init__()
        self.for_ms = for_ms


def _check_not_blocked(record: Session) -> None:
    now = runner.clock()
    if record.is_blocked(now):
        raise Blocked(record.blocked_until * 1000 - now)


def _log_the_outcome(what: str, became: Became, session_id: str) -> None:
    """Log frames that started an owner, or failed to; most frames change nothing."""
    log = logger.info if became in (Became.STARTED, Became.FAILED, Became.HOPELESS) else logger.debug
    log(what, became=became, session=session_id)


def _message(frame: frames.Message, request: dict[str, Any]) -> dict[str, Any] | None:
    """The answer, if the message is settled; None while it waits: whoever settles it answers."""
    visitor, connection, at = request["authorizer"], request["connectionId"], request["requestTimeEpoch"]
    if not _within("messages", visitor["session"], request, frame.message_id):
        return None
    sender = Sender(visitor["session"], connection, int(visitor["expires_at"]))
    message_key = visitor.get("message_key", "")  # who connected before the authorizer gave one has none
    message = SentMessage(
        frame.message_id,
        frame.text,
        at,
        postback=frame.postback,
        attachments=frame.attachments,
        author=frame.author,
        key=message_key,
    )
    standing = NOT_TAKEN
    if runner.messages is not None:
        standing = _run(sender.session_id, message_sent(policy, sender, message, MESSAGE_DEADLINE_MS))
    logger.info("message", session=sender.session_id, message_id=message.message_id, stands=standing.status)
    return None if standing.status is MessageStatus.WAITING else frames.message_status(message.message_id, standing)


def _wanted(frame: frames.End | frames.History | frames.Transcript) -> tuple[Hint, str]:
    """Of the keeper, and what about."""
    match frame:
        case frames.History(before):
            return Hint.HISTORY, before
        case frames.Transcript(email):
            return Hint.TRANSCRIPT, email
    return Hint.END, ""


def _ask(request: dict[str, Any], hint: Hint, about: str = "") -> dict[str, Any] | None:
    """The keeper of the visitor's socket answers; if it cannot be asked, why not. Paid for as a message is."""
    session_id = request["authorizer"]["session"]
    if not _within("messages", session_id, request):
        return None
    if runner.messages is None:
        return frames.error("not_supported", f"{hint}: this deployment's platform has none.")
    reached = _run(session_id, asked_of_keeper(session_id, hint, about))
    logger.info("asked", session=session_id, what=hint, reached=reached)
    return None if reached else frames.error("not_ready", f"{hint}: try again once the guest session is open.")


def _sign_in(frame: SignIn, request: dict[str, Any]) -> dict[str, Any] | None:
    """Put on record what the page hands over; the guest's status says what comes of it. Paid for as a message is."""
    session_id = request["authorizer"]["session"]
    if not _within("messages", session_id, request):
        return None
    if runner.messages is None:
        return frames.error("not_supported", "sign_in: this deployment's platform has none.")
    is_taken = _run(session_id, handed_over(session_id, replace(frame, at=request["requestTimeEpoch"])))
    logger.info("sign-in", session=session_id, by="code" if frame.code else "token", taken=is_taken)
    return None if is_taken else frames.error("not_ready", "sign_in: say hello first.")


def _welcome(request: dict[str, Any]) -> None:
    """Answer the hello; the keeper is nudged to tell what the welcome cannot: contact, agent, who types."""
    visitor, record = request["authorizer"], _greet(request)
    token_ends_in_ms = int(visitor["expires_at"]) * 1000 - request["requestTimeEpoch"]
    welcome = frames.welcome(visitor["session"], TIMINGS, _guest_of(record), token_ends_in_ms, visitor["signals"])
    _tell(request["connectionId"], welcome)
    if runner.messages is not None:
        runner.run(caught_up(record))


def _greet(request: dict[str, Any]) -> Session:
    """Record that the visitor is there. If nobody holds the guest of a visitor who only waits, ask for it.

    Adds the connection again if a keeper, posting before the handshake had ended (410), removed it. Raises Blocked.
    """
    visitor = request["authorizer"]
    connection, token_ends = request["connectionId"], int(visitor["expires_at"])
    record = runner.run(greeted(policy, visitor["session"], connection, token_ends, visitor.get("profile", "")))
    _check_not_blocked(record)
    return record


def _guest_of(record: Session) -> GuestStatus:
    """The guest's status in a front end's terms."""
    if record.guest_status is GuestStatus.CLOSED:
        return GuestStatus.OPENING
    return GuestStatus.UNAVAILABLE if record.guest_id and record.typing_unavailable else record.guest_status
