"""Estimate: what a Design promises before any synthesis: cycles, units and memories, counted from its own loops.

An estimate, with these assumptions: every pipelined loop reaches II 1 except where a memory has too few ports, an
iteration is one cycle, and the depth of pipelines and the steps of control between loops cost nothing. A memory has
two ports and the width of its type. Units are those that work at once; tools may share, narrow or dissolve them.
"""
