"""How the agent takes a later version of itself: signed by custodians, tried before it runs, and left when it fails.

`fetch` takes one in from what the collector serves, `unpack` lays it out, `self_test` is what the new one does before
it is chosen, `state` says which was chosen, `probation` how the running service shows that it is well. The program
that starts the agent (`installers/linux/agent/launch.py`) reads that state and falls back.
"""
