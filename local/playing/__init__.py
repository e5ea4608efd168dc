"""Visitors who type without a browser, and what came of it: rhythms, calls, timeline. Starts no process."""
