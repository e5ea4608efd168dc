"""The rules of typing and the order of effects: pure, standard library only. No I/O, no AWS, no CXone URL."""
