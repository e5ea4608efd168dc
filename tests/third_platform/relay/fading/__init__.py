"""A chat platform whose sign of typing fades by itself."""
