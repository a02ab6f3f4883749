"""The queue: how work reaches other threads, processes and machines."""
