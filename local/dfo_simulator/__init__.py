"""A simulated Digital-First gateway on this machine: HTTP and WebSocket, strict, with faults that can be switched on.

It knows nothing of the relay; docs/digital-first.md says on which facts it is based and how certain they are.
`frames_in` checks what clients send, `conversation` has the gateway's answers, `frames_out` builds them, `desk` is what
agents see, `faults` what goes wrong instead. `http_routes` and `sockets` serve all that over the network. `control` is
the operator's and the agents' HTTP interface, `client` its Python client for tests, demo and console.
"""
