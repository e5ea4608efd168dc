"""Frames from the gateway, parsed strictly. Pure: ``frames`` begins, and hands on what it finds."""
