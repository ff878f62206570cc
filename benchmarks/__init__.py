"""What `make bench` measures, each figure beside its reference: see README.md."""
