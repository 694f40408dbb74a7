"""The dashboard: a page and its API, looking at the house from outside.

It maps the segment read-only, reads the trade database, and changes nothing by itself: what a
person orders goes through the supervisor's control socket and comes back with an answer.
"""
