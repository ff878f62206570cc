"""Pictures that look alike: every PDQ hash within a distance of another, among very many.

An index knows numbers and hashes (`index.NearIndex`), nothing of items or lists: who asks gives
each hash a number. Exact: what a flat scan finds, it finds. NumPy is needed, and loaded by whoever
imports these modules; with numba installed the same is done by compiled code (`compiled`).
"""
