"""What other members sent: read, bounded, judged, answered."""
