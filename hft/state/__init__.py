"""The state segment: what every process tells about itself, one writer per word.

`blocks` declares the records, `hft.topology` says where each lies and who writes it, `reader` gives
observers plain Python values over a read-only mapping.
"""
