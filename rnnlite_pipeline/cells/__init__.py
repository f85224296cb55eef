"""The recurrent cells, one file for each."""
