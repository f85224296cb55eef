"""Who made a release, and whether it was changed: signatures, checks, a bill of materials."""
