"""The guest keeper: holds every visitor's CXone guest WebSocket in one process. See docs/keeper.md."""
