// Runs a design on timesteps that come through a socket, for whoever keeps the program running.
//
//     csim --calls FD | --steps FD
//
// A request is a count of timesteps, int64, and so many of: one byte, 1 with the last of a sequence, and the packed
// mantissas. The answer is a count of emissions, int64, and so many rows of int64. With --calls every request begins in
// the initial state, as the program found it: each runs in a child of its own. With --steps it goes on from the one
// before. A closed socket ends the program.
#ifndef HARNESS_SERVE_H
#define HARNESS_SERVE_H

#include <cstddef>

#include "harness.h"

namespace harness {

// Throws std::runtime_error with one line.
void serve(int socket, bool afresh, size_t frame, size_t outputs, step_function step);

}  // namespace harness

#endif
