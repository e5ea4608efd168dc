"""Everything on one machine: the stack, a simulated CXone, the console, visitors. Nothing of this is deployed."""
