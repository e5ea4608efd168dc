"""CXone's webchat REST API, version 1: token, guests, typing calls, guest sockets. It has no rules of typing."""
