"""A rehearsal of the deployment: what it takes step by step, what each step must show, and what it leaves behind.

Pure: ``plan``, ``settings``, ``orders``, ``ownership``, ``verdicts``, ``leftovers``, ``price``. Thin: ``account`` asks
AWS, ``programs`` runs SAM, ``emulated`` stands in for AWS on this machine, ``play`` takes the steps.
"""
