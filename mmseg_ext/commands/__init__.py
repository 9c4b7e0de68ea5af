"""The command line: one module per verb, which turns flags into a call of a workflow and prints its result.

It may import everything, but imports what is heavy only once the arguments are parsed. `main` is the whole command.
"""
