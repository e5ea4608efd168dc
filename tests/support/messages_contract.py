"""What every store of messages must do, whatever it is made of. Subclasses give ``messages``."""

from __future__ import annotations

import pytest
from typing_relay.aws.sessions import SWEEP_SHARDS, shard_of
from typing_relay.relay.ports import (
    EXPIRED,
    UNCONFIRMED,
    AlreadyThere,
    Attachment,
    Author,
    MessageStatus,
    SentMessage,
    Standing,
    WaitingMessage,
)

from tests.simulation.memory_messages import WAITS, MemoryMessages

NOW = 1_800_000_000_000  # epoch ms
DEADLINE = NOW + 300_000
EXPIRES = NOW // 1000 + 3600
ID, FIRST, SECOND = "visitor", "message-1", "message-2"
#: By which texts are hashed.
KEY = "a key of the session"
ME, OTHER = "keeper-1", "keeper-2"
ACCEPTED = Standing(MessageStatus.ACCEPTED)
REFUSED = Standing(MessageStatus.FAILED, "refused")
NEVER_LEFT = Standing(MessageStatus.FAILED, EXPIRED)
NOBODY_KNOWS = Standing(MessageStatus.FAILED, UNCONFIRMED)


class MessagesContract:
    """One sentence a test; ``messages`` is empty at its beginning."""

    @pytest.fixture
    def messages(self) -> MemoryMessages:
        """The store to be tested."""
        raise NotImplementedError

    # --- from the visitor

    def test_a_message_waits_with_its_text(self, messages: MemoryMessages) -> None:
        """T15: what was taken in is there for whoever delivers it."""
        assert put(messages) is None
        assert messages.waiting(ID, 10, NOW) == [WaitingMessage(FIRST, "hello", NOW)]
        assert messages.get(ID, FIRST, NOW) == WAITS

    def test_the_same_message_again_is_the_same_message(self, messages: MemoryMessages) -> None:
        """T12, T15: an answer was lost on its way, so the visitor's side sent it again, later."""
        put(messages)
        assert put(messages, at=NOW + 9) == AlreadyThere(WAITS, same_text=True)
        assert messages.waiting(ID, 10, NOW) == [WaitingMessage(FIRST, "hello", NOW)]

    def test_another_text_of_the_same_id_is_told_apart(self, messages: MemoryMessages) -> None:
        """A mistake of the visitor's side: neither may pass for the other."""
        put(messages)
        assert put(messages, text="good bye") == AlreadyThere(WAITS, same_text=False)

    def test_a_message_waits_with_the_postback_of_its_choice(self, messages: MemoryMessages) -> None:
        """T15: and the same text with another one is another message."""
        choice = SentMessage(FIRST, "Red", NOW, postback="/red")
        assert messages.put(ID, choice, NOW, DEADLINE, EXPIRES) is None
        assert messages.waiting(ID, 10, NOW) == [WaitingMessage(FIRST, "Red", NOW, postback="/red")]
        assert messages.put(ID, choice, NOW, DEADLINE, EXPIRES) == AlreadyThere(WAITS, same_text=True)
        assert put(messages, text="Red") == AlreadyThere(WAITS, same_text=False)

    def test_a_message_waits_with_its_files(self, messages: MemoryMessages) -> None:
        """T15: and with other files it is another message, also once it is settled."""
        photo, page = Attachment("https://files/1", "a photo.png", "image/png"), Attachment("https://files/2", "page")
        with_both = SentMessage(FIRST, "", NOW, attachments=(photo, page), key=KEY)
        assert messages.put(ID, with_both, NOW, DEADLINE, EXPIRES) is None
        assert [waiting.attachments for waiting in messages.waiting(ID, 10, NOW)] == [(photo, page)]
        for standing in (WAITS, ACCEPTED):
            messages.settle(ID, FIRST, standing)
            assert messages.put(ID, with_both, NOW, DEADLINE, EXPIRES) == AlreadyThere(standing, same_text=True)
            with_one = SentMessage(FIRST, "", NOW, attachments=(photo,), key=KEY)
            assert messages.put(ID, with_one, NOW, DEADLINE, EXPIRES) == AlreadyThere(standing, same_text=False)

    def test_an_offline_message_waits_with_its_author(self, messages: MemoryMessages) -> None:
        """T15: and another's is another message, also once it is settled."""
        ada, bob = (SentMessage(FIRST, "Hi", NOW, author=Author("A", at), key=KEY) for at in ("a@x.org", "b@x.org"))
        assert messages.put(ID, ada, NOW, DEADLINE, EXPIRES) is None
        assert [waiting.author for waiting in messages.waiting(ID, 10, NOW)] == [ada.author]
        for standing in (WAITS, ACCEPTED):
            messages.settle(ID, FIRST, standing)
            assert messages.put(ID, ada, NOW, DEADLINE, EXPIRES) == AlreadyThere(standing, same_text=True)
            assert messages.put(ID, bob, NOW, DEADLINE, EXPIRES) == AlreadyThere(standing, same_text=False)

    @pytest.mark.parametrize("standing", [ACCEPTED, REFUSED])
    def test_a_settled_message_is_still_known(self, messages: MemoryMessages, standing: Standing) -> None:
        """T15: sent again, it is answered as before and not delivered again."""
        put(messages)
        messages.settle(ID, FIRST, standing)
        assert put(messages) == AlreadyThere(standing, same_text=True)
        assert put(messages, text="good bye") == AlreadyThere(standing, same_text=False)
        assert messages.waiting(ID, 10, NOW) == []

    @pytest.mark.parametrize(("kept_by", "now_by"), [(KEY, "another"), (KEY, ""), ("", KEY)])
    def test_by_another_key_a_settled_message_counts_as_the_same(
        self, messages: MemoryMessages, kept_by: str, now_by: str
    ) -> None:
        """T15: nobody can tell, and an answer that was lost must come; keys change where the secret is rotated."""
        put(messages, key=kept_by)
        assert put(messages, text="good bye", key=now_by) == AlreadyThere(WAITS, same_text=False)
        messages.settle(ID, FIRST, ACCEPTED)
        assert put(messages, key=now_by) == AlreadyThere(ACCEPTED, same_text=True)

    def test_one_id_in_two_sessions_is_two_messages(self, messages: MemoryMessages) -> None:
        """T13: no visitor learns of another's."""
        put(messages)
        assert messages.put("another", SentMessage(FIRST, "hi", NOW), NOW, DEADLINE, EXPIRES) is None

    def test_a_message_past_its_expiry_is_absent_though_not_deleted(self, messages: MemoryMessages) -> None:
        """T11."""
        put(messages)
        late = EXPIRES * 1000
        assert messages.get(ID, FIRST, late) is None
        assert messages.waiting(ID, 10, late) == []
        assert messages.put(ID, SentMessage(FIRST, "anew", late), late, late + 5, EXPIRES + 60) is None
        assert messages.waiting(ID, 10, late) == [WaitingMessage(FIRST, "anew", late)]

    def test_those_that_wait_are_counted_up_to_a_number(self, messages: MemoryMessages) -> None:
        """T18: of this session; a settled one waits no more."""
        for number in range(5):
            put(messages, f"message-{number}")
        messages.put("another", SentMessage(FIRST, "hi", NOW), NOW, DEADLINE, EXPIRES)
        messages.settle(ID, "message-0", ACCEPTED)
        assert [messages.count_waiting(ID, most) for most in (3, 20)] == [3, 4]

    # --- order

    def test_messages_are_read_in_the_order_in_which_they_were_sent(self, messages: MemoryMessages) -> None:
        """T15: whatever their ids are, and however late one was written."""
        put(messages, "b", at=NOW + 1)
        put(messages, "a", at=NOW + 2)
        put(messages, "c", at=NOW)
        assert [message.message_id for message in messages.waiting(ID, 10, NOW)] == ["c", "b", "a"]

    def test_of_two_in_the_same_ms_the_id_decides(self, messages: MemoryMessages) -> None:
        """T15: for every keeper alike."""
        put(messages, "b")
        put(messages, "a")
        assert [message.message_id for message in messages.waiting(ID, 10, NOW)] == ["a", "b"]

    def test_the_first_are_read_when_there_are_more(self, messages: MemoryMessages) -> None:
        """A keeper takes no more than it has room for."""
        for number in range(5):
            put(messages, f"m{number}", at=NOW - number)
        assert [message.message_id for message in messages.waiting(ID, 2, NOW)] == ["m4", "m3"]

    def test_many_long_messages_are_all_read(self, messages: MemoryMessages) -> None:
        """More than one page of DynamoDB's (1 MB)."""
        for number in range(45):
            put(messages, f"m{number:02}", text="\u20ac" * 10_000, at=NOW + number)
        read = messages.waiting(ID, 100, NOW)
        assert [message.message_id for message in read] == [f"m{number:02}" for number in range(45)]

    # --- leaving

    def test_who_may_have_sent_it_on_is_known_to_the_next_keeper(self, messages: MemoryMessages) -> None:
        """T15: it looks before it sends again."""
        put(messages)
        assert messages.leave(ID, FIRST, "", ME)
        assert messages.waiting(ID, 10, NOW) == [WaitingMessage(FIRST, "hello", NOW, left_by=ME)]

    def test_of_two_keepers_that_saw_the_same_one_sends(self, messages: MemoryMessages) -> None:
        """T15: the one that lost its session may not know it yet."""
        put(messages)
        assert messages.leave(ID, FIRST, "", ME)
        assert not messages.leave(ID, FIRST, "", OTHER)
        assert messages.leave(ID, FIRST, ME, OTHER)
        assert not messages.leave(ID, FIRST, "", ME)

    def test_leaving_twice_is_leaving_once(self, messages: MemoryMessages) -> None:
        """T12: the answer to the first was lost, or it is sent again after a look."""
        put(messages)
        assert all(messages.leave(ID, FIRST, "", ME) for _ in range(2))

    @pytest.mark.parametrize("standing", [ACCEPTED, REFUSED])
    def test_a_settled_message_does_not_leave(self, messages: MemoryMessages, standing: Standing) -> None:
        """T15: what was reported failed is not delivered afterwards."""
        put(messages)
        messages.settle(ID, FIRST, standing)
        assert not messages.leave(ID, FIRST, "", ME)

    def test_what_is_not_there_does_not_leave(self, messages: MemoryMessages) -> None:
        assert not messages.leave(ID, FIRST, "", ME)

    # --- settling

    @pytest.mark.parametrize("standing", [ACCEPTED, REFUSED])
    def test_a_message_is_settled_and_waits_no_more(self, messages: MemoryMessages, standing: Standing) -> None:
        """T15."""
        put(messages)
        assert messages.settle(ID, FIRST, standing) == standing
        assert messages.get(ID, FIRST, NOW) == standing
        assert messages.waiting(ID, 10, NOW) == []
        assert messages.overdue(shard_of(ID), DEADLINE * 2, 10) == []

    @pytest.mark.parametrize(("first", "second"), [(ACCEPTED, REFUSED), (REFUSED, ACCEPTED), (ACCEPTED, ACCEPTED)])
    def test_the_first_to_settle_it_is_believed(
        self, messages: MemoryMessages, first: Standing, second: Standing
    ) -> None:
        """T12: told twice does no harm, and whoever comes second learns how it stands."""
        put(messages)
        messages.settle(ID, FIRST, first)
        assert messages.settle(ID, FIRST, second) == first

    def test_one_of_which_nobody_knew_may_turn_out_to_have_arrived(self, messages: MemoryMessages) -> None:
        """T15: the truth, late, is better than none."""
        put(messages)
        messages.settle(ID, FIRST, NOBODY_KNOWS)
        assert messages.settle(ID, FIRST, REFUSED) == NOBODY_KNOWS
        assert messages.settle(ID, FIRST, ACCEPTED) == ACCEPTED

    def test_nothing_is_settled_that_is_not_there(self, messages: MemoryMessages) -> None:
        """And nothing comes into being."""
        assert messages.settle(ID, FIRST, ACCEPTED) is None
        assert messages.expire(ID, FIRST) is None
        assert messages.get(ID, FIRST, NOW) is None

    # --- giving up

    def test_a_message_is_overdue_after_its_deadline(self, messages: MemoryMessages) -> None:
        """T15: none waits for ever."""
        put(messages)
        assert messages.overdue(shard_of(ID), DEADLINE, 10) == []
        assert messages.overdue(shard_of(ID), DEADLINE + 1, 10) == [(ID, FIRST)]
        assert messages.overdue((shard_of(ID) + 1) % SWEEP_SHARDS, DEADLINE + 1, 10) == []

    def test_the_longest_overdue_come_first(self, messages: MemoryMessages) -> None:
        """A sweep that does not get to the end does what is most urgent."""
        put(messages, FIRST, deadline=DEADLINE + 5)
        put(messages, SECOND, deadline=DEADLINE)
        assert messages.overdue(shard_of(ID), DEADLINE * 2, 1) == [(ID, SECOND)]

    def test_one_that_never_left_has_expired(self, messages: MemoryMessages) -> None:
        """T15: the visitor may send it again without fear."""
        put(messages)
        assert messages.expire(ID, FIRST) == NEVER_LEFT
        assert messages.overdue(shard_of(ID), DEADLINE * 2, 10) == []

    def test_one_that_left_is_not_called_undelivered(self, messages: MemoryMessages) -> None:
        """T15: nobody knows."""
        put(messages)
        messages.leave(ID, FIRST, "", ME)
        assert messages.expire(ID, FIRST) == NOBODY_KNOWS

    def test_a_settled_message_does_not_expire(self, messages: MemoryMessages) -> None:
        """T12: the sweeper and the keeper may meet."""
        put(messages)
        messages.settle(ID, FIRST, ACCEPTED)
        assert messages.expire(ID, FIRST) == ACCEPTED

    # --- looking for all at once

    def test_the_sessions_with_a_message_that_waits_are_found_at_once(self, messages: MemoryMessages) -> None:
        """T15: a nudge may be lost."""
        others = [f"visitor-{number}" for number in range(40) if shard_of(f"visitor-{number}") == shard_of(ID)]
        for session_id in others:
            messages.put(session_id, SentMessage(FIRST, "hi", NOW), NOW, DEADLINE, EXPIRES)
        put(messages)
        put(messages, SECOND)
        messages.settle(ID, FIRST, ACCEPTED)
        messages.settle(others[0], FIRST, ACCEPTED)
        assert messages.waiting_sessions(shard_of(ID)) == {ID: {SECOND}, **{other: {FIRST} for other in others[1:]}}


def put(
    messages: MemoryMessages,
    message_id: str = FIRST,
    *,
    text: str = "hello",
    at: int = NOW,
    deadline: int = DEADLINE,
    key: str = KEY,
) -> AlreadyThere | None:
    """The visitor sends a message."""
    return messages.put(ID, SentMessage(message_id, text, at, key=key), NOW, deadline, EXPIRES)
