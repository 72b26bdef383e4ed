"""The commands, one a file: what can be asked for, and which public functions are called."""
