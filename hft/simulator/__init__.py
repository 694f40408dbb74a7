"""The local exchange: it speaks the protocol of Binance USD-M Futures on 127.0.0.1.

The core (`matching`, `account`, `margin`, `exchange`, `market`) is pure: whole numbers, seeded
chance, time handed in.  Bytes, sockets and the clock live at the rim (`server`, `hub`, `venue`).
"""
