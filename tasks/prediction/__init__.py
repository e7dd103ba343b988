"""Whatever a build decides on new timesteps.

    program    csim, kept running: timesteps in, emissions out
    sequences  what a caller gives as sequences, checked, and as the program takes it
    stream     one timestep after the other
    floating   the user's module on new sequences, and where the reference parts from it first
"""
