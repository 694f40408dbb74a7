"""What the venue says and wants to hear, as plain functions and records.

`signing` and `endpoints` how to ask, `rest` asking over HTTP, `order_frames` and `user_events` the
words of orders and accounts, `market_frames` those of market data, `filters` what an order must
look like, `outcomes` what a reply means for an order, `clock_offset` what time it is there.
"""
