"""What both of CXone's interfaces share: HTTP, URLs, and relayed frames."""
