"""The console: one page with a visitor's chat, the agent's desk and a live timeline of the running stack.

`stack` reads what runs, `records` what the session records hold; `feed` merges both with the events of the
simulated CXone, those of the Digital-First gateway in the words of `gateway_events`. `faults` names the page's
switches, `agent` what its desk does, `api` answers its calls, `server` serves it all.
"""
