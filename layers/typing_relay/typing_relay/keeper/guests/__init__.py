"""The life of the guests that this keeper holds, and how it holds them."""
