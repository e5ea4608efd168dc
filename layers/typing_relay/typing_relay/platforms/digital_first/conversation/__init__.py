"""One visitor's conversation on the gateway: what has happened goes in, what to do comes out. Pure: no clock, no I/O.

Nothing is sent on a socket before the thread has been looked for: the gateway replays nothing. A message whose answer
was lost is repeated only after such a look that could have shown it and did not. Times are epoch ms.

``machine`` takes what happens (``happenings``) and hands it on. ``actions`` says what may come out, ``waking`` when
time alone has something done; ``policy`` has the timings and limits. ``state`` is what is remembered, in parts, and a
``turn`` one step of it. Everybody reads all parts; each is written by the file of its name alone:

    socket      what is sent, heartbeats              incoming    messages to the visitor, and their rest
    access      the visitor's identity and tokens     seen        what the visitor has seen, what is unread
    thread      the thread, the look for it           history     earlier messages
    contacts    the contact that agents work on       ending      the visitor ends the contact
    agents      who has it, who types                 transcript  what was said, by e-mail
    shown       the visitor's typing                  catch_up    what a front end is told that connects
    outgoing    the visitor's messages

Four files write nothing and tell the parts what has come to pass: ``socket_life`` what becomes of a socket,
``hearing`` frames, ``events`` events, ``found`` what a look found. Calls between files run one way.

Where a conversation stands (``turn.stage_of``), and what leads from there. An empty cell: it stays there, while
no answer to a look is on its way. A later look, for a doubt or for history, leads to *ready* or *in contact* as it
finds; *looking* goes on to *in contact* where a contact has opened meanwhile.

    what happens           | closed      | authorizing | looking     | ready       | in contact  | stopped
    opened                 | looking     | looking     | looking     | looking     | looking     | looking
    opened, to authorize   | authorizing | authorizing | authorizing | authorizing | authorizing | authorizing
    authorized             |             | looking     |             |             |             |
    not authorized         |             | closed      |             |             |             |
    no thread found        |             |             | ready       |             |             |
    found without contact  |             |             | ready       |             |             |
    found with contact     |             |             | in contact  |             |             |
    contact opens          |             |             |             | in contact  |             |
    contact closes         |             |             |             |             | ready       |
    SDK version refused    |             | stopped     | stopped     | stopped     | stopped     |
    silent for 45 s        |             | closed      | closed      | closed      | closed      |
    lost                   |             | closed      | closed      | closed      | closed      |

What comes of what is wanted there; what waits is sent once it can be:

    what is wanted         | closed      | authorizing | looking     | ready       | in contact  | stopped
    typing                 | not_yet     | not_yet     | not_yet     | not_yet     | sent        | denied
    no typing              | not_yet     | not_yet     | not_yet     | accepted    | sent        | denied
    message                | waits       | waits       | waits       | sent        | sent        | refused
    history                | waits       | waits       | waits       | sent        | sent        | refused
    end                    | waits       | waits       | waits       | told        | sent        | refused
    seen                   |             |             |             |             | sent        |
    transcript             | refused     | refused     | refused     | refused     | sent        | refused

In *ready* a transcript of the contact that was open last is sent, where there was one.
"""
