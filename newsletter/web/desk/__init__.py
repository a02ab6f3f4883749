"""The editors' desk: the pages of those who are signed in, and the way to sign in."""
