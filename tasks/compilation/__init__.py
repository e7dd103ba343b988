"""g++, and the machine that runs what it makes."""
