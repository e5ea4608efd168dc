"""What talks to NICE CXone: a room for each of its interfaces, and what they share. Its URLs stay in here."""
