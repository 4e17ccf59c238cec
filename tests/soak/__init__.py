"""Many random conversations at a time, with random faults, for a long time: `make soak`."""
