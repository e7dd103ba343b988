"""Estimate: what a Design promises before any synthesis: cycles and resources, counted from its own loops.

An estimate, with these assumptions: every pipelined loop reaches II 1 except where a memory has too few ports or the
update of a state takes longer; two additions, comparisons or selections follow each other within a cycle. A memory has
two ports and the width of its type. Operations are those that work at once; tools may share, narrow or dissolve them.
docs/estimate.md has the formulas.
"""
