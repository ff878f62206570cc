"""What a member that lost its node makes of the entries that come back."""
