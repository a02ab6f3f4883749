"""Mails that come back: bounces (RFC 3464) and complaints (RFC 5965), read and told to `feedback`."""
