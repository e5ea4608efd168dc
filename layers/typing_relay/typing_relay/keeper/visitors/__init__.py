"""The visitors whose guests are held: what they are sent, and whether they are still there."""
