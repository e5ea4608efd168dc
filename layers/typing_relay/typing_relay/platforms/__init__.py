"""The chat platforms, a folder for each, and what those of CXone share. Nothing else knows CXone's URLs."""
