"""The words of the command: one file each, called by cli.py."""
