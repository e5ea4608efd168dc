"""What one machine has for each chat platform: a file for each, named as its folder in the package.

`platform` says what such a file offers, and finds it.
"""
