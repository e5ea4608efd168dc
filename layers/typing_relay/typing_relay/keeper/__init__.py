"""The guest keeper: holds every visitor's CXone guest WebSocket in one process.

On Digital-First it also makes the typing calls and delivers messages, as only the holder of the socket can. On v1 it
makes no typing call.
"""
