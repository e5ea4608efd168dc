"""One guest's talk, in parts. ``talk.GatewayTalk`` joins them and carries out what the conversation decides.

What a part remembers nobody else touches. What several need to know is in ``state``: every part reads
it, the talk alone writes it. Calls run down this list:

    renewals    when the token of a socket in use is renewed                         the loop's thread
    tokens      which token a socket is opened with, and another one for it          the loop's thread
    admitting   how the visitor gets a token: whose it is, what is recorded of it    worker threads,
                                                                                     but for ``paused``
    asking      what the page is asked, and each front end that connects meanwhile   the loop's thread
    on_record   what the session's record says of the conversation                   the loop's thread
    fetching    what frames leave out                                                the loop's thread
    tickets     who waits for what became of a typing frame                          the loop's thread
"""
