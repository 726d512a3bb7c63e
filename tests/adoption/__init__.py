"""Adopting the project into a database that already has things in it."""
