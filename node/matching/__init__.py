"""Do we know it already: what identifies an item, and the table that decides what a duplicate is.

Pure: the store looks up by `fingerprints` and by `near`, the casebook decides by `duplicates`.
"""
