"""Is a deployment working? One visitor's look at it from outside. Needs no emulator and none of the product's code."""
