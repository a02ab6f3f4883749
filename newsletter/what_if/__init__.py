"""What if: a changed rule over past days, before it is switched on. Nothing is written."""
