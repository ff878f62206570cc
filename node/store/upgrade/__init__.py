"""What a database of an earlier program gains at the first start of a newer one."""
