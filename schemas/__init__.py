"""Message and domain types, topics, codec, identifiers: the contracts between all other packages."""
