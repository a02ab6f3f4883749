"""WHO receives mail: people, what they chose, and what they agreed to.

This package sends nothing and knows nothing of `newsletter`; its steps return what must be said,
and `newsletter` says it.
"""
