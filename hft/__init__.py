"""A low-latency trading system for Binance USD-M Futures."""
