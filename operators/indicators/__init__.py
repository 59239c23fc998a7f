"""Indicators over closed bars, one idea a file: O(1) an update, ``None`` until ready, a source for every formula."""
