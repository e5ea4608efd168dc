"""The stack and its processes: emulator, deployment, keepers, and the file that says what runs. Plays nothing."""
