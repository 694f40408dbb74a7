"""A low-latency trading system for Binance USD-M Futures."""

from hft import compile_cache

compile_cache.prepare()
