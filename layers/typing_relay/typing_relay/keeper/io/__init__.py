"""Sockets, timers, threads: the keeper's I/O. It knows nothing of guests."""
