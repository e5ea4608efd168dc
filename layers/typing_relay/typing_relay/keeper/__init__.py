"""The guest keeper: holds every visitor's CXone guest WebSocket in one process. It makes no typing call."""
