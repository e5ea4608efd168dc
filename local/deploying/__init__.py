"""Before a deployment: the keeper's image, and what would go wrong."""
