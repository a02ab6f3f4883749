"""Where stories are read from: one file per way in. Each gives records or refusals, and stores nothing."""
