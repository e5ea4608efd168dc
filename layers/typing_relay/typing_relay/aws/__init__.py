"""Everything that talks to AWS: stores, queue, visitors' connections, and the client below them. No rule of typing."""
