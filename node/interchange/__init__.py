"""Foreign formats, read and written: nothing outside this room knows how a file looks.

`csv_reports` and `ndjson_reports` turn a file into `Line`s, `rejects` keeps the lines that were
refused so that they can be mended and handed in again, `hashing` computes content hashes of files.
Readers stream: memory is bounded by the longest line permitted, whatever the file holds. A bad line
never stops the good ones, and no reason ever repeats a value.
"""
