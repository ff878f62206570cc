"""Known contents: lists, what members say of files, and the indices that find what looks alike."""
