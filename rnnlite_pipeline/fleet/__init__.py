"""Many releases on many machines: their plan, their shared results, a cluster that makes them."""
