"""Earlier messages, page by page: front ends ask for what comes before one that they know; '' for the newest."""

from __future__ import annotations

from typing_relay.door import frames
from typing_relay.platforms.digital_first import frames_in, frames_out
from typing_relay.platforms.digital_first import visitor_events as dfo_events
from typing_relay.platforms.digital_first.conversation import contacts, socket, thread
from typing_relay.platforms.digital_first.conversation.actions import Report, Tell
from typing_relay.platforms.digital_first.conversation.outgoing import is_busy
from typing_relay.platforms.digital_first.conversation.state import Doing, Page
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.shared import visitor_events
from typing_relay.relay.value import changed


def wanted(turn: Turn, before: str) -> None:
    """A front end asks for the messages before this one."""
    if before and _page_before(turn, before) is None:
        turn.do(_unknown())
    elif before in turn.history.due:
        pass  # its answer is everybody's
    elif turn.socket.doing is Doing.STOPPED or len(turn.history.due) >= turn.policy.most_pages_due:
        turn.do(_not_given())
    else:
        turn.history = changed(turn.history, due=(*turn.history.due, before))


def ask_next(turn: Turn) -> None:
    """The newest are found by a look; of those that are left of a page nobody needs to be asked."""
    if not turn.history.due or turn.history.asked or not turn.thread.ready or is_busy(turn):
        return
    before = turn.history.due[0]
    page = _page_before(turn, before)
    if page and page.left:
        tell(turn, frames_in.MoreMessages("", page.left, page.scroll_token, page.oldest_at))
    elif before and page is None:  # forgotten since, for the page of another front end
        turn.history = changed(turn.history, due=turn.history.due[1:])
        turn.do(_unknown())
    elif not socket.may_send(turn):
        pass
    elif page is None:
        thread.look(turn)
        turn.history = changed(turn.history, asked=turn.thread.looking)
    else:
        request = frames_out.load_more(page.thread_id, page.scroll_token, page.oldest_at, page.contact_id)
        turn.history = changed(turn.history, asked=socket.ask(turn, request))


def waits_for_look(turn: Turn) -> bool:
    """The page that is due are the newest messages."""
    return turn.history.asked is not None and turn.history.due[:1] == ("",)


def tell(turn: Turn, found: frames_in.Recovered | frames_in.MoreMessages) -> None:
    """These are before the message that was asked for, or the newest."""
    asked, *others = turn.history.due
    details, left = dfo_events.page(found.messages)
    oldest = details[-1]["id"] if details and (left or found.scroll_token) else ""
    before = "" if oldest == asked else oldest  # the same page again and again has an end
    turn.do(Tell(visitor_events.history(details, asked, before)))
    former = _page_before(turn, asked) if asked else None
    others_known = tuple(page for page in turn.history.pages if page.before not in (asked, before) and not page.left)
    of_thread, of_contact = turn.thread.thread_id, contacts.newest_id(turn) if turn.livechat else ""
    if former:
        of_thread, of_contact = former.thread_id, former.contact_id
    page = Page(before, of_thread, of_contact, found.scroll_token, found.oldest_at, left)
    known = (*others_known, *((former,) if former and asked != before else ()), *((page,) if before else ()))
    turn.history = changed(turn.history, pages=known[-turn.policy.most_pages :], due=tuple(others), asked=None)


def failed(turn: Turn, why: str) -> None:
    """Whoever waits for the first page that is due is told; it may be asked for again."""
    turn.history = changed(turn.history, due=turn.history.due[1:], asked=None)
    turn.do(Report("history_failed", why))
    turn.do(_not_given())


def _page_before(turn: Turn, before: str) -> Page | None:
    return next((page for page in turn.history.pages if page.before == before), None)


def _unknown() -> Tell:
    return Tell(frames.error("history_unknown", "Nothing is known before that message: ask for the newest."))


def _not_given() -> Tell:
    return Tell(frames.error("history_failed", "CXone gave no earlier messages. You may ask again."))
