"""What `make bench` runs; each module prints a table and its ratio to the limit it names."""
