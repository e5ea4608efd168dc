"""Histories that once violated a clause, each the shortest that the simulation found, and what was wrong.

And some that chance seldom finds, made up to meet one rule each.
"""

from __future__ import annotations

from typing import NamedTuple


class Regression(NamedTuple):
    """A history and what it found."""

    clause: str
    found: str
    history: str


#: Visits of a moment each, and then, when no frame of theirs can come any more, one more.
_SIXTY_VISITS = "; ".join(f"open V{n} {n * 10}; close V{n} {n * 10 + 5}" for n in range(60)) + "; open A 30000"
#: As many as a visitor's budget lets through at once.
_TEN_MESSAGES = "; ".join(f"message A {5_005 + n * 80}" for n in range(10))

V1 = (
    Regression(
        "T3",
        "a tab that typed in the same ms as another, typed on and stopped, was taken for a pause in that one's typing",
        "key B 0; key A 200; key B 200; key B 250; stop B 1850",
    ),
    Regression(
        "T6",
        "a POST left when its connection was made at last, though its lock had ended",
        "key A 4665; stop A 6165; call 1 late 9000",
    ),
    Regression(
        "T6",
        "a POST left as late as it may, and CXone took as long as it may",
        "key A 4665; stop A 6165; call 1 late 5800",
    ),
    Regression(
        "T13",
        "one write forgot all the connections that were gone: more than an expression may hold, so nobody came in",
        _SIXTY_VISITS,
    ),
    Regression(
        "T2",
        "an end was measured from a hold that a newer, plain key of its tab had ended",
        "key A 0 hold=6000; key A 3200",
    ),
    Regression(
        "T14",
        "an owner that came while a question was on its way asked it as well",
        "key B 6813; key B 8803; key B 10503; key B 11803; key B 13103; key A 14803 hold=6000; key B 16103;"
        " stop A 16803 late=30; pace 1",
    ),
    Regression(
        "T7",
        "a new owner called in the moment in which the one before wrote down what CXone had answered to a question",
        "close A 587; key A 1287; close A 2387; key A 2487; close A 2587; call 1 failed; call 3 throttled",
    ),
    Regression(
        "T18",
        "FirstKeyToShown counted from a key before there was a guest, so that who opens sessions and types moved it",
        "open A 0; key A 70; key A 1900; key A 3700; guest none; opening 2500",
    ),
    Regression(
        "T18",
        "a pause that another tab's key hid until it was taken back counted from the first key after it",
        "key A 0; key B 2070; key C 2075; stop C 3570",
    ),
    Regression(
        "T9",
        "typing shown to a former guest counted towards the cap of the next one's",
        "key A 179; key A 11099; keeper replaces 14553; call 1 lost-untaken 5000; call 2 throttled 5000;"
        " call 3 throttled 90000; cap 6000",
    ),
    Regression(
        "T5",
        "a true began up to the arrival slack after the debounce of its key",
        "key A 464; keeper replaces 929; pace 1",
    ),
    Regression(
        "T1",
        "a frame overtaken by the next one of its tab left the look of a pause",
        "key A 479; key A 2469 late=60; key A 2489",
    ),
    Regression(
        "T1",
        "a pause was owed at once, while the key that denies it was still on its way",
        "key A 458; key A 2448 late=60; key A 2468; pace 1",
    ),
    Regression(
        "T3",
        "of the keys of a tab that typed on and stopped, the one before the other tab's newest is not kept",
        "key B 3184; key A 3634; key B 3814; key B 3994; stop B 4084",
    ),
    Regression(
        "T2",
        "a stop in the tab that typed last left the owner asleep until the old quiet time",
        "key A 354; key B 1254; key A 1554; close A 3054; pace 8",
    ),
    Regression(
        "T6",
        "a guest replaced by its keeper freed the lock of a call still in flight to the former guest",
        "key A 188; key B 488; stop B 788; keeper replaces 1886; call 1 slow 3900",
    ),
    Regression(
        "T4",
        "a keeper released a guest whose typing was still shown",
        "key A 224; visitor leaves 2072; guest none",
    ),
    Regression(
        "T7",
        "a stalled owner's failure went uncounted, so the next wait was too short",
        "key A 222 twice=15; key A 1722; key A 2172 late=900; key A 4162; key A 5962; step 11 stall 14000;"
        " call 1 throttled 5000; call 2 throttled",
    ),
    Regression(
        "T7",
        "a verification that was throttled set the time of the next call back",
        "key A 54; key A 5364; call 2 failed-taken; call 4 throttled 5000",
    ),
    Regression(
        "T4",
        "an execution lost at the beginning of a long wait left a longer lease than the sweeper has time for",
        "key A 0; call 2 failed; call 3 failed; call 4 failed; call 5 failed; call 6 failed; call 7 failed;"
        " wait 6 lost; keepers none; sweep 42000",
    ),
    Regression(
        "T2",
        "the client's own retry of a lock was refused by its first try, and the end came as late as the lock's",
        "key A 161; step 11 again 100; pace 1",
    ),
    Regression(
        "T1",
        "the same where the next owner's claim came between the lock and its retry",
        "key A 218; key A 4298; stop A 5198; key A 8198; close A 8378; step 34 again 300; sweep 752",
    ),
    Regression(
        "T2",
        "the client's own retry of a stop was refused by its first try, and the stop was as good as lost",
        "key A 0; stop A 900; step 9 again 100",
    ),
    Regression(
        "T16",
        "the client's own retry of what notes a missing typing endpoint was refused, and the visitor was not told",
        "key A 0; call 1 unavailable; step 7 again 100",
    ),
    Regression(
        "T2",
        "FirstKeyToShown counted from the first key of an earlier burst that had been over before it had an owner",
        "key A 216 hold=6000; stop A 3286; key A 18286; stop A 18486; key A 20636; step 16 again 300; sweep 19299",
    ),
    Regression(
        "T2",
        "LastKeyToEnded took a tab's last key, which was still fresh, for the beginning of a newer burst",
        "key A 876; stop A 1176; key A 1177; key B 1197; stop B 3197",
    ),
)

DIGITAL_FIRST = (
    Regression(
        "T4",
        "the end of typing was proven, what was sent after it lost its proof, and so nobody ended that",
        "platform dfo; key A 114; message B 504; frame 2 slow 900; frame 3 dropped",
    ),
    Regression(
        "T13",
        "a code that had been used was put on record by the client's own retry of its hand-over, and used again",
        "platform dfo; open A 0; step 13 again 900; guest none; contact none; look 200; page 1; code 40000",
    ),
    Regression(
        "T15",
        "nobody asked a page again, whose answer was lost, once the third party's token had ended that messages carry",
        "platform dfo; key A 34300; step 26 crash; token 40000; shapes 2048; page 1; code 40000",
    ),
    Regression(
        "T9",
        "a page's token was given up a minute before its end, and its next one was not good",
        "platform dfo; key A 455; key A 755 late=10; key A 1205 late=60; key A 1655 late=60; key A 1835 late=10"
        " twice=15; key A 2135; close A 2315 late=30; message A 5047; contact none; sweep 2165; token 70000; page 2",
    ),
    Regression(
        "T13",
        "made up: tokens that end and are refused while the visitor types, writes and loses the socket",
        "platform dfo; key A 500; message A 900; gateway drops 20000; key A 66000; gateway drops 66500;"
        " message A 70500; gateway drops 71000; key A 90000; token 70000; page 2",
    ),
    Regression(
        "T16",
        "a connection whose handshake had not ended counted as gone, and was not told what an agent wrote",
        "platform dfo; key A 0; open C 400; agent writes 406; pace 1",
    ),
    Regression(
        "T16",
        "an agent's message that came before the look for those missed was answered kept them from being told",
        "platform dfo; key A 0; gateway drops 300; agent writes 320; agent writes 860",
    ),
    Regression(
        "T9",
        "a contact that the store could not be told of is told again",
        "platform dfo; contact none; message A 10; step 7 refuse",
    ),
    Regression(
        "T16",
        "a keeper that had lost its visitor, and was refused the write that names a new thread, sent a message there,"
        " though the next keeper knows only the thread on record",
        "platform dfo; message A 437; message B 18178; keeper loses 6137; contact closes 7023; post 18 freeze 31000;"
        " sweep 3000",
    ),
    Regression(
        "T2",
        "FirstKeyToShown counted from a key before there was a contact, where a keeper had let go of the visitor and"
        " the next one took what it had sent for still on its way",
        "platform dfo; close A 4609; close B 4609; key E 44805; message B 48300; contact none; debounce 5000",
    ),
    Regression(
        "T15",
        "who wrote and left at once had no guest any more: the message waited until it expired, and woke an operator",
        "platform dfo; open A 0; message A 10; close A 11; guest none; contact none",
    ),
    Regression(
        "T18",
        "a true that the visitor's own message ended counted as not accepted, was retried a second later, and was"
        " measured from the first key: who types in one tab and writes in another moved two objectives",
        "platform dfo; key B 9302; message A 9307",
    ),
    Regression(
        "T16",
        "a message that the keeper before had settled meanwhile was wanted to leave for five minutes, and each time its"
        " visitor lost the socket",
        "platform dfo; key A 182; key D 202; key D 502; key D 522; key D 612; key D 702; message A 2182;"
        " message C 4622; keeper loses 5456; step 15 refuse-after; contact none; sweep 1815",
    ),
    Regression(
        "T4",
        "a keeper that had lost the visitor was nudged to own the generation that the next one had claimed: it took"
        " back what it had never shown",
        "platform dfo; key A 0 hold=6000; keeper loses 4 1; start 1 stall 400; step 15 freeze 40",
    ),
    Regression(
        "T2",
        "a message ended what a true had just shown, and the answer to that true came after this was written down",
        "platform dfo; key A 1137; message A 1143; key A 1145; pace 1",
    ),
    Regression(
        "T18",
        "messages in quick turn ended the true of another tab, and at last it was measured from its first key",
        f"platform dfo; key B 5000 hold=6000; {_TEN_MESSAGES}; stop B 9000; pace 8",
    ),
    Regression(
        "T15",
        "the same where it took longer to let them in than a guest who has not typed is kept",
        "platform dfo; open A 0; message A 10; close A 11; guest none; contact none; opening 20000",
    ),
    Regression(
        "T15",
        "the end overtook a message that was in the store, and that its keeper had not read yet",
        "platform dfo; message A 1000; visitor ends 1040; pace 8",
    ),
    Regression(
        "T15",
        "an end behind the message that opened the contact was lost, as the gateway answered before it named that",
        "platform dfo; contact none; message A 1000; visitor ends 1050; pace 8; shapes 64",
    ),
    Regression(
        "T6",
        "a contact found open on the next socket freed the lock of a call that was on its way on the one before",
        "platform dfo; key A 0; frame 1 ghost 2500; stop A 900",
    ),
    Regression(
        "T9",
        "that a contact had opened was not told to the store again",
        "platform dfo; contact none; message A 100; store refuses 110 300; key A 900; stop A 1100",
    ),
    Regression(
        "T4",
        "what was said on a contact while its record was being written was not on record",
        "platform dfo; key A 0; contact closes 12; contact opens 12",
    ),
    Regression(
        "T9",
        "a keeper that took its visitor again went on as before, though another keeper had spoken",
        "platform dfo; keeper loses 100; keeper again 9000; key A 300",
    ),
    Regression(
        "T4",
        "an error that is not known to mean that there is no contact counted as that",
        "platform dfo; key A 171; message A 1763; key A 4291; keeper dies 4365; frame 6 error",
    ),
    Regression(
        "T6",
        "the answer to an earlier heartbeat proved a frame that had not arrived",
        "platform dfo; key A 0; message A 34; frame 3 cut",
    ),
    Regression(
        "T4",
        "an event that was on its way proved an end that its socket took with it",
        "platform dfo; key A 0; agent types 2085; frame 2 cut",
    ),
    Regression(
        "T9",
        "who let go of its visitor while taking it again wrote its name into the record, and nobody was left",
        "platform dfo; keeper stalls 3790 31000; keeper again 6009",
    ),
    Regression(
        "T9",
        "the same where its socket was found dead meanwhile",
        "platform dfo; keeper again 6184; keeper stalls 205 45000",
    ),
    Regression(
        "T4",
        "an owner that began before its thread was looked for left a lock in the way",
        "platform dfo; key A 213; keeper dies 606; sweep 640",
    ),
    Regression(
        "T5",
        "a livechat's next message began a new thread though an agent had opened a contact in the old one",
        "platform dfo; key A 303; contact closes 179; contact opens 400; key A 900; message B 1200",
    ),
    Regression(
        "T4",
        "a keeper that had lost its visitor, and did not know, noted an end that it did not say",
        "platform dfo; key A 2855; keeper loses 1483 1; store refuses 4003 7000",
    ),
    Regression(
        "T4",
        "a keeper that had lost its visitor kept its burst from the one that had it, lease after lease",
        "platform dfo; key A 0; keeper loses 300 1; store refuses 1900 1100; sweep 3000",
    ),
    Regression(
        "T4",
        "an end that a message said overtook a start that came late from the socket before",
        "platform dfo; key A 24; message A 172; key B 1974; message A 2024; frame 5 ghost 900",
    ),
    Regression(
        "T4",
        "an end that a message said overtook a start that came late from the keeper before",
        "platform dfo; key A 0; keeper loses 40 1; message B 300; frame 1 slow 2500",
    ),
    Regression(
        "T9",
        "a start that a message had ended at once counted as shown, and the next burst was not",
        "platform dfo; key A 0; message A 32; key A 60; key A 1000; key A 2000; key A 3000",
    ),
    Regression(
        "T4",
        "the end that a message says was refused, and whoever had said that typing is shown heard that it had ended",
        "platform dfo; key A 0; message A 34; frame 2 error",
    ),
    Regression(
        "T9",
        "a keeper let go of a visitor it had just taken, as a stale read named none",
        "platform dfo; lag 900; look 200",
    ),
    Regression(
        "T15",
        "a message left though the answer that recorded it came after another keeper had looked for it",
        "platform dfo; message A 0; step 7 hold 4300; keeper loses 60",
    ),
    Regression(
        "T15",
        "the same where the keeper stalled between that write and its answer",
        "platform dfo; message A 10; step 7 freeze 36000",
    ),
    Regression(
        "T2",
        "FirstKeyToShown counted from keys that were pressed while agents had no contact",
        "platform dfo; contact none; key A 0; key A 900; message A 1800; key A 20000; key A 21000; stop A 22000",
    ),
    Regression(
        "T2",
        "the same where the visitor typed on while the contact opened",
        "platform dfo; key A 157; key A 15607; key A 16057; message B 17497; contact none",
    ),
    Regression(
        "T2",
        "LastKeyToEnded counted an end that was only said because a keeper did not know what was shown",
        "platform dfo; key A 0; keeper again 50000; key A 100000; stop A 102000",
    ),
    Regression(
        "T2",
        "the same where a message that came with nobody connected ended what was over",
        "platform dfo; key A 5888; close A 10388; close B 10388; message A 89188",
    ),
)

TOLD = (
    Regression(
        "T16",
        "the store was away while a message was to leave: when it was back, a sound socket was replaced once more",
        "platform dfo; key A 84 hold=15000; message B 2744; message A 3484; key A 5604; message A 7604;"
        " store refuses 10816 14000; visitor asks 17035; frame 10 ghost 2500; page 2",
    ),
    Regression(
        "T16",
        "the agent typed on in the visitor's page when the socket was lost before the agent stopped",
        "platform dfo; key A 0; agent types 300; gateway drops 600; agent stops 610",
    ),
    Regression(
        "T16",
        "the same when the keeper died",
        "platform dfo; key A 0; agent types 300; keeper dies 600; agent stops 700",
    ),
    Regression(
        "T16",
        "the same when the contact was closed",
        "platform dfo; key A 0; agent types 300; contact closes 600",
    ),
    Regression(
        "T16",
        "a contact that was closed when the keeper died stayed open for the visitor",
        "platform dfo; key A 0; contact closes 300; keeper dies 310",
    ),
    Regression(
        "T16",
        "who took a visitor over told the messages of the last two minutes again",
        "platform dfo; key A 0; agent writes 300; agent writes 400; keeper loses 20000",
    ),
    Regression(
        "T16",
        "who took a visitor over after two minutes told none of the messages that came meanwhile",
        "platform dfo; key A 0; gateway refuses 500 130000; gateway drops 510; agent writes 600; keeper dies 125000",
    ),
    Regression(
        "T16",
        "a message that came before the look was answered overtook those that had been missed",
        "platform dfo; key A 0; agent writes 600; keeper dies 500; agent writes 30580; pace 8",
    ),
    Regression(
        "T16",
        "one post that failed lost the message in it",
        "platform dfo; key A 0; posts refuse 500 5000; agent writes 600; agent writes 900",
    ),
    Regression(
        "T16",
        "a post that failed left a visitor reconnecting for good",
        "platform dfo; key A 0; gateway refuses 500 6000; gateway drops 510; post 4 refuse; post 6 refuse",
    ),
    Regression(
        "T16",
        "a status that was recorded, though an error came back, was never told",
        "platform dfo; guest none; contact none; open A 0; key A 107; step 13 refuse-after",
    ),
    Regression(
        "T16",
        "a record that could not be read lost the frames",
        "platform dfo; key A 0; agent writes 500; post 1 refuse",
    ),
    Regression(
        "T16",
        "with nobody connected a message was gone, and counted as relayed",
        "platform dfo; close A 0; close B 10; agent writes 500; open A 1500",
    ),
    Regression(
        "T16",
        "a message was lost for a tab whose handshake had not ended",
        "platform dfo; key A 0; open C 100; agent writes 110",
    ),
    Regression(
        "T16",
        "a late post of the keeper before came after what the next one told",
        "platform dfo; key A 0; agent types 100; post 2 slow 4000; keeper loses 150 1; agent stops 200",
    ),
    Regression(
        "T12",
        "a keeper posted on and on by a record that it had read before it lost its visitor",
        "platform dfo; close B 0; key A 0; agent types 100; agent stops 110; agent writes 120; agent writes 130;"
        " post 2 slow 4000; post 4 slow 4000; keeper loses 4500 1",
    ),
    Regression(
        "T16",
        "a message that a dying keeper had posted, and could not note, was taken for one that is told once",
        "platform dfo; agent writes 2519; keeper dies 2540; pace 3",
    ),
    Regression(
        "T16",
        "a late post of the keeper before said that the contact is open, and nobody said again that it is closed",
        "platform dfo; key D 843; keeper loses 2228; contact closes 3011; post 3 stall 3900",
    ),
    Regression(
        "T16",
        "the message after one that was given up cost a sound socket: it waited for longer than it may leave",
        "platform dfo; close A 2657; close B 2657; open F 39657; message A 43324; key E 45277; message E 48857;"
        " agent stops 16689; post 2 crash-after; post 10 crash-after; contact none; pace 8",
    ),
)

REGRESSIONS = V1 + DIGITAL_FIRST + TOLD


def _flurry(gap: int, until: int = 6_000) -> str:
    """Keys and stops in turn, one each ``gap`` ms."""
    return "; ".join(f"{('key', 'stop')[at // gap % 2]} A {at}" for at in range(0, until, gap))


_TYPING_ON = "; ".join(f"key A {at}" for at in range(0, 27_000, 1_900))
DIRECTED = (
    # an answer that is too large for a frame is fetched, or is not there
    *(f"platform dfo; key A 0; gateway drops 300; frame 2 {where}" for where in ("elsewhere", "nowhere")),
    # earlier messages are asked for, and the look is lost with its socket; so is what was to end the contact
    "platform dfo; message A 0; visitor asks 4000; frame 2 cut",
    # a transcript is sent, or is not; one more than are allowed
    "platform dfo; message A 0; visitor mails 4000; visitor mails 5000; visitor mails 6000; visitor mails 7000",
    *(f"platform dfo; message A 0; visitor mails 4000; frame 2 {how}" for how in ("cut", "unanswered")),
    *(f"platform dfo; key A 0; visitor ends 900; frame 2 {how}" for how in ("cut", "error", "unanswered")),
    # T15: what waits before the end could not be read; and there is no conversation to end yet
    "platform dfo; visitor ends 900; step 1 refuse",
    "platform dfo; guest none; contact none; open A 0; visitor ends 50; pace 8",
    # a socket that is not authorized
    *(f"platform dfo; sessions legacy; key A 3000; gateway drops 500; frame 2 {how}" for how in ("error", "mute")),
    # the store cannot be told that a message is settled, nor in which thread the conversation goes on: it is told again
    "platform dfo; key A 257 hold=6000; message A 2437; message B 2687; keeper drains 1315; step 47 refuse-after;"
    " pace 8; look 1000",
    "platform dfo; key A 481 late=10 twice=15; key A 4231; message A 7820; contact closes 533; step 21 refuse",
    # T16: an agent of a contact that was opened again is told of
    "platform dfo; message B 1200; contact closes 179; contact opens 400; sweep 3000",
    # T15: a message that was just taken in, and is not in the index yet; T16: a tab that comes after one had failed
    "platform dfo; message A 2269; key B 20752; contact none; debounce 5000; lag 900",
    "platform dfo; close A 3731; close B 6451; gateway drops 10019",
    # T4: a socket that is silent while the visitor types
    "platform dfo; key A 55997 hold=6000; key B 75987; keeper dies 28094; frame 5 mute",
    # T5: a key that ceases to count while its true is on the way
    "key A 1528 late=1950; pace 8",
    # T7: CXone asks for time as it is asked what it shows
    "key A 358; key A 3008; keeper replaces 3582; call 2 failed-taken 3600000; call 3 throttled 12000",
    # T17: keys and stops in turn, as fast as frames are taken and slower; what comes last counts in the end.
    *(f"{platform}{_flurry(gap)}" for gap in (50, 200, 400) for platform in ("", "platform dfo; ")),
    f"{_flurry(50, 5_030)}; key A 5900; key A 7800",
    f"{_flurry(100, 6_100)}; key A 7900",
    f"{_flurry(25)}; key A 6020 hold=6000",
    # T17, T2: trues that messages made necessary are held back, and the next one's time counts from then.
    "platform dfo; key A 2190; message C 2240; message B 2740; key A 3290; message B 3340; message C 3840;"
    " message C 4340; message B 4940; key B 5440",
    # T17, T2: what goes on after another tab's messages is shown again each time, until no true is left.
    "platform dfo; key A 16396; message B 17996; key B 18496; message C 18696; message C 19396; key B 20596; message A"
    " 20796; message C 22196; key B 22696; message B 22796; key C 23296; message B 23496; message C 24196; key C 24696;"
    " pace 3",
    # T17: stops alone, while CXone asks to wait.
    f"key A 0 hold=6000; call 2 throttled 30000; {'; '.join(f'stop A {at}' for at in range(500, 5_500, 50))}",
    # T17: the same while CXone has not answered yet.
    f"{_flurry(50)}; call 1 slow 2500; call 4 lost 2500",
    # a keeper dies as it finds its guest ended: the next one takes the session
    "key A 0; close A 120; cxone ends 0 50; step 8 crash-after 50; step 22 crash 50; sweep 0; pace 1",
    # T1: a client that asks for holds tells of a pause by a stop; the next key comes just after, or overtakes it.
    "key A 0 hold=6000; stop A 3800; key A 3830 hold=6000; stop A 7000",
    "key A 0 hold=6000; stop A 3800 late=50; key A 3830 hold=6000; stop A 7000",
    "key A 0 hold=6000; stop A 2000 late=20; key A 2010 hold=6000; stop A 5180",
    # T2: a visitor whose network vanished, typed on by another tab; and one who is held while the other stops.
    "key A 0 hold=6000; key B 5000; key B 6500",
    "key A 0; key B 300 hold=6000; key A 1500; stop A 1800; stop B 4000",
    # T4: an execution that waits out a 429 is lost, and only the schedule looks.
    "key A 0; call 2 throttled 20000; wait 1 lost; keepers none; sweep 16100",
    # T2: a hold counts for its own key: a plain one after it counts by the debounce, when the owner looks.
    "key A 0 hold=6000; key A 3200",
    # T5: what is held may still be shown when CXone lets it, long after the debounce of its key.
    "key A 0 hold=6000; call 1 throttled 4000; stop A 5500",
    # T7: four tries of a true, and no more, however long the visitor types on.
    f"{_TYPING_ON}; call 1 throttled; call 2 throttled; call 3 throttled; call 4 throttled",
    # T7: the same when every sender dies before it hears.
    f"{_TYPING_ON}; call 1 orphan; call 2 orphan; call 3 orphan; call 4 orphan; call 5 orphan",
    # T2: typing beyond the cap is put out, and stays out when CXone forgot to.
    "key B 5484; key B 7474; key B 8774; key B 10074; key A 11774; key A 13074; key A 14374; key A 16074; key A 17774;"
    " key A 19474; key A 20774; key A 22474; key A 23774; key A 25474; key A 26774; pace 1",
    # T7: a verification is a call too, and waits as long as CXone asked.
    "key A 862; key A 8852 late=10; key A 16172; key A 17872; key A 19172; key B 20472; key B 22462; key B 23762;"
    " key B 25752; key B 27742; key B 29442; key B 31432; key B 32732; key B 34722; key B 36022;"
    " call 5 throttled 90000; start 1 crash",
    # T5: a sender that stalls between its lock and its call.
    "key A 160; step 5 hold 1950",
    # T4: of two executions of one generation, one hears late what CXone showed before the other's call.
    "key A 0; key A 3350; step 27 stall 300; call 2 failed-taken; call 4 throttled 20000; wait 2 twice",
    # T15: it cannot be recorded that a message leaves, or how it ended; a new thread cannot be; nobody can be let in.
    "platform dfo; message A 0; step 7 refuse",
    "platform dfo; message A 0; step 8 refuse",
    "platform dfo; contact closes 100; message A 500; step 8 refuse",
    "platform dfo; guest none; contact none; open A 0; step 8 refuse",
    # T15: the store says that it could not be recorded, and yet it was: what is read anew has left, and is looked for.
    "platform dfo; message A 0; step 7 refuse-after",
    # T15: what could not be delivered in five minutes is said to have failed.
    "platform dfo; message A 0; gateway drops 0; gateway refuses 0 320000",
    # T15: on messaging channels, too, a thread may end with its contact: what is sent then begins another.
    "platform dfo; channel messaging; shapes 16; contact closes 100; gateway drops 200; message A 5000",
    # T15: a message that is taken late, after its socket was lost, is looked for before it is sent again.
    "platform dfo; message A 4826; message A 39959; key E 77024 hold=6000; message F 79474; message F 83114;"
    " frame 8 ghost 2500; cap 6000",
    # T16: a message whose rest is fetched, one that is being written, and one that is whole are told in order.
    "platform dfo; agent writes 300; agent writes 310; agent writes 320; shapes 128",
    # T16: one of which only a part could be had is said to be one; and so where its socket or its keeper is lost.
    "platform dfo; agent writes 300; agent writes 500; agent writes 700; agent writes 900; shapes 384",
    "platform dfo; agent writes 300; gateway drops 305; agent writes 700; keeper dies 705; shapes 384",
    # T4, T17: another token is needed, and the address is refused; and that of a visitor who has just come.
    "platform dfo; key A 11900; gateway drops 12000; address refused 11500 7000; token 70000",
    "platform dfo; guest none; contact none; address refused 0 7000; open A 10; message A 900; keeper dies 2000",
    # T9, T16: who comes back in the pause has a socket when that is over, and not another minute later.
    "platform dfo; key A 471; close A 17581; close B 17581; open E 79581; open F 79581; key E 82910;"
    " gateway drops 33890; address refused 33790 1100; sweep 297; token 70000",
    # T9: who comes while nobody is there to chat with is let in once somebody is.
    "platform dfo; guest none; contact none; nobody there 0 20000; open A 10; key A 100000",
    # T9: what the page handed over was not good, which only the last socket shows.
    "platform dfo; open A 0; message B 143719; step 17 again 2500; guest none; sweep 2114; pace 3; page 2",
    # T15: that a message leaves was recorded without an answer, and could not be read: its known mark is refused.
    "platform dfo; message A 500; step 7 refuse-after; store refuses 550 1500",
    # T18: what goes on after a message that ended it counts from when it is next said.
    "platform dfo; key B 9859; message A 10259; message C 10859; message C 11459; key B 12259; stop B 12459;"
    " message B 12659; key B 12664; message A 12964; pace 8",
    # T16: a message that somebody else has settled meanwhile, and the store cannot be asked about it.
    "platform dfo; key A 182; key D 202; key D 502; key D 522; key D 612; key D 702; message A 2182; message C 4622;"
    " keeper loses 5456; step 15 refuse-after; step 45 refuse; contact none; sweep 1815",
    # T15: an error that nobody knows refuses a message.
    "platform dfo; message A 0; frame 1 error",
)
