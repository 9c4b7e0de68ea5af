"""What the verbs of `mmseg-ext` do, callable from Python: one module per verb, such as `mmseg_ext.workflows.audit`.

It may import everything but the commands. Modules are imported by name: `audit`, `clean`, `stats`, `class_weights`,
`accept`, `review` and `demo` work without torch, the others load it. A verb that is one call of another package has
none here.
"""
