"""What each op does to symbolic values."""
