"""A Digital-First chat gateway that runs on this machine: HTTP and WebSocket, strict, with faults to switch on.

It knows nothing of the relay; docs/digital-first.md says what it is made from and how sure that is. `frames_in` is
strict about what clients send, `conversation` says what the gateway answers, `frames_out` in which words, `desk` what
agents see. `faults` is what goes wrong instead. `http_routes` and `sockets` carry all that over the wire, `control` is
the operator's and the agents' HTTP interface, `client` the Python one for tests, demo and console.
"""
