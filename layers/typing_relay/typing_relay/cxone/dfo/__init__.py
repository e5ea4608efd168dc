"""CXone's Digital-First gateway: one WebSocket for a visitor, on which typing, messages and the rest are frames."""
