"""What `make` calls, a file for each command: they talk to a person; the work is done in the other rooms."""
