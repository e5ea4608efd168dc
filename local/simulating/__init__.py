"""What all simulators on this machine share: event log, validation of settings, tokens, program.

`program` runs the process, `client` starts and controls it; `controls` is the common part of /_control.
"""
