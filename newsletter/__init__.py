"""WHAT is told, WHEN, and HOW it leaves: the way of a story from intake to the reader's mailbox."""
