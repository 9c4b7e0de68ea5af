"""The command line: flags to workflow to print. `mmseg_ext.commands.main` is the command `mmseg-ext`."""
