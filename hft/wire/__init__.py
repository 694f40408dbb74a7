"""Where bytes come in and go out: WebSocket framing, and the sockets that carry it.

`frames` is pure (bytes in, messages out; its compiled part is what the feed's decoder walks with).
`connection` holds the sockets: websocket-client dials and shakes hands, then they are read raw.
"""
