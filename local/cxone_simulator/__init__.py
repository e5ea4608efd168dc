"""A simulated CXone on this machine: webchat v1 over real HTTP and WebSocket, with faults that can be switched on.

It knows nothing of the relay. `protocol` has CXone's answers, `faults` what goes wrong instead, `routes` and `sockets`
serve both over the network. `control` is the operator's HTTP interface, `client` its Python client for tests, demo and
console.
"""
