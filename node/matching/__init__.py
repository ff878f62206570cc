"""Do we know it already: what identifies an item, and the table that decides what a duplicate is.

Pure: the store looks up by `fingerprints`, the casebook decides by `duplicates`. Near-duplicate
search over many contents and imported lists will stand here beside them.
"""
