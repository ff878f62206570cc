"""`hotline doctor`: what is wrong with this node, and the command that mends it.

`findings` says what a finding is, `checks` are pure judgements over facts, `gather` collects the
facts from disk, database, registry and peers. Nothing here changes anything.
"""
