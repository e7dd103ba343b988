// The whole network, one call per timestep. Generated, do not edit.
#ifndef HLSPIKE_TOP_H
#define HLSPIKE_TOP_H

#include "input.h"
#include "fc1.h"
#include "lif1.h"
#include "readout.h"

// `decision` counts when `valid` is 1.
extern "C" void snn_top(const input_ports::out_t in[3], readout_ports::decision_t &decision, hlspike::bit_t &valid);

#endif
