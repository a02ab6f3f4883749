"""The front door for people at a terminal and for scripts: the command `newsletter`."""
