"""Typing Relay: tells NICE CXone agents that a visitor is typing.

Rooms: ``relay`` (the rules); ``platforms``, ``aws`` and ``door`` (its surroundings); ``keeper`` (holds guests).
``runtime`` wires, ``reporting`` says in log and metrics what CXone was told, ``version`` is a constant. Nothing else
lives on this floor.
"""
