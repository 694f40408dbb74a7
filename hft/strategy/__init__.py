"""The strategy room: what a strategy file may use, how one is found, compiled, run and explained.

`api` is the public interface, `load` finds the files, `build` compiles one into a burst, `burst` is
the loop itself, `desk` its memory, `agent` the process, `explain` turns its verdicts into
sentences.
"""
