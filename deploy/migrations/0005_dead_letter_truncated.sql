-- What of a dead letter's key or value was too long to be kept: its whole length and SHA-256. NULL: nothing.
ALTER TABLE dead_letters ADD COLUMN truncated text;
