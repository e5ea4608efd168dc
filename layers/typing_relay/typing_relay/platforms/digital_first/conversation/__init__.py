"""One visitor's conversation on the gateway: what has happened goes in, what to do comes out. Pure: no clock, no I/O.

``happenings`` is what can happen, ``actions`` what it can ask for, ``policy`` the timings and limits, ``state`` what is
remembered from one happening to the next, ``machine`` the rules.
"""
