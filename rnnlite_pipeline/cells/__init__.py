"""What a recurrent cell is, one file a cell."""
