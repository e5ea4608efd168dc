"""Visitors who type without a browser, and the result: rhythms, calls, timeline. Starts no process."""
