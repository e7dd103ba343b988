"""A forward that holds the whole loop over time → the graph of one timestep, proved to be that of every timestep."""
