"""Many visitors who type at the same time: who comes when, what they felt, what agents saw, what it cost."""
