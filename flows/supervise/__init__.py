"""The supervisor: starts the stages, starts them again, and notices when one of them only seems to live."""
