"""Recorded tapes: files of raw exchange messages, or of Candlewick's own records, in the order they were written."""
