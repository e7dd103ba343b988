// Runs a design over all sequences of a stimulus, records what the design did, and compares what it emitted.
//
//     csim [--data DIR] [--out DIR] [--trace decisions|spikes|states]     or, see serve.h, csim --calls FD | --steps FD
//
// DIR of --data holds input.npy (N, T, b) uint8, the mantissas of a timestep bit by bit, lengths.npy (N,) timesteps used
// of each sequence (none of an empty one), expected.npy (E, w) mantissas of every emission in order; without --data it is
// sought where the project's own lies. DIR of --out, if given, receives emitted.npy (E, w) and, after --trace,
// spikes__<id>.npy (N, T, n) uint8, and of every state, as of mem, mem__<id>.npy (N, T, n) int64, zero beyond the lengths.
// Returns 0 if everything emitted equals expected.npy, 1 if not, 2 if it cannot run.
#ifndef HARNESS_HARNESS_H
#define HARNESS_HARNESS_H

namespace harness {

// A layer with state: its spikes (if it has any) and the mantissas of each of its states after a timestep, one state
// after the other; `states` are their names, with blanks between.
struct probe {
    const char *id;
    int size;
    bool spikes;
    const char *states;
    void (*read)(unsigned char *spikes, long long *states);
};

// One timestep: its packed mantissas in, and whether it is the last of its sequence, which a design that decides that
// itself does not ask; true if `row` has been given an emission.
typedef bool (*step_function)(const unsigned char *frame, bool last, long long *row);

// `frame` bytes are a timestep, `outputs` values an emission.
int run(int frame, int outputs, step_function step, const probe *probes, int n_probes, int argc, char **argv);

}  // namespace harness

#endif
