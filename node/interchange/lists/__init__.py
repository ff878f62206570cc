"""Lists of known content in the formats of others: VICS, ICSE, NCMEC, plain CSV.

Read as streams, with bounded memory, whatever the file does; of what an entry says, only hashes,
length, category, date and its author's id are kept. Names and paths of files, texts, series, Exif
and everything else are never kept, and never repeated in a message. `files` opens and recognises,
`writing` writes.
"""
