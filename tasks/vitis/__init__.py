"""The tool of AMD: its stages, its runs, what is asked of it and what it found."""
