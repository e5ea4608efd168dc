"""CXone's Digital-First gateway: one WebSocket per visitor, on which typing, messages and agents' acts are frames."""
