"""The engine's recovery state: whose it is, what is in it, how it is saved and how it is made anew."""
