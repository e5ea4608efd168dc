"""Ends one visitor of a deployment, by the operator's credentials: blocks the session, or deletes what is kept."""
