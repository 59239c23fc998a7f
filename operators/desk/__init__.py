"""The desk: waits for every member at a close, then decides in an order that no arrival can change."""
