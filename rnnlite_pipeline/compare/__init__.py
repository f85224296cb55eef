"""Whether two graphs compute the same: numbers drawn, roundings, distance, evidence."""
