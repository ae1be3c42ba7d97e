"""What did this drive's sensors see in each tile: bird's-eye channels, ground, coverage."""
