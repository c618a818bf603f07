"""The command line: parse arguments, run commands, print results, and set exit codes."""
