"""A month of alerts: made-up stories, readers and clock, and a judge who believes no code of ours."""
