"""Whether two graphs compute the same: random numbers, roundings, distance, evidence."""
