// The whole network, one call per timestep. Generated, do not edit.
#ifndef HLSPIKE_TOP_H
#define HLSPIKE_TOP_H

#include "input.h"
#include "fc1.h"
#include "lif1.h"
#include "fc2.h"
#include "readout.h"

typedef input_ports::in_pack snn_in_pack;
typedef readout_ports::decision_t snn_out_pack;

// Reads the packs of one timestep; writes a decision when there is one.
extern "C" void snn_top(hls::stream<snn_in_pack> &in, hls::stream<snn_out_pack> &out);

#endif
