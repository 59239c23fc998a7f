"""Deployment files: migrations and what packages them."""
