"""Hooks: other people's programs are told what happens here, signed, until they have answered."""
