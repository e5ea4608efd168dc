"""Who may come in, as whom, how much they may send, and what frames say. No session's state, no call to AWS."""
