"""Typing Relay: tells NICE CXone agents that a visitor is typing."""
