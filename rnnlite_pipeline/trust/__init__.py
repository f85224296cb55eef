"""Who made a release, and whether it is what they made: signatures, checks, a bill of materials."""
