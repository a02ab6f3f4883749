"""What comes back: events are stored first, then worked into delivery, suppression and subscription."""
