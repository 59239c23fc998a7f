"""The read endpoint, the WebSocket and the page."""
