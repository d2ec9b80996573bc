"""The command line: one module for each family of commands, loaded only when its command is called."""
