"""The console: one page with a visitor's chat, the agent's desk and a live timeline of the running stack.

`stack` reads which stack runs, `records` its session records. `feed` merges both with the events of the simulated
CXone; `gateway_events` translates those of the Digital-First gateway. `faults` defines the page's switches, `agent` the
acts at its desk, `api` answers its calls, `server` serves the page.
"""
