"""What every simulator on this machine is made of: its log of events, its settings' checks, its tokens, its program.

`client` and `program` are the two sides of a process; `controls` is the part of /_control that is the same everywhere.
"""
