"""What talks to NICE CXone: a room for each of its interfaces, and what they share. Nothing else knows its URLs."""
