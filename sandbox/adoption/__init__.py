"""A shop that existed before adopts the project: `make adopt` shows that the steps of docs/adopt.md work."""
