"""Who may connect, as which session, how much they may send, and what frames say. No session state, no call to AWS."""
