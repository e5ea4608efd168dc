"""A CXone that runs on this machine: webchat v1 over real HTTP and WebSocket, with faults that can be switched on.

It knows nothing of the relay. `protocol` says what CXone answers, `faults` what goes wrong instead, `routes` and
`sockets` carry both over the wire, `control` is the operator's HTTP interface, `client` the Python one for tests,
demo and console.
"""
