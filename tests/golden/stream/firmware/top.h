// The whole network, one call per timestep. Generated, do not edit.
#ifndef HLSPIKE_TOP_H
#define HLSPIKE_TOP_H

#include "input.h"
#include "fc1.h"
#include "lif1.h"
#include "fc2.h"
#include "readout.h"

// A timestep comes as 1 word of 3 values of 12 bits each, the first in the lowest bits.
// A decision is written when there is one.
typedef ap_uint<64> snn_in_word;
typedef ap_uint<16> snn_out_word;

extern "C" void snn_top(hls::stream<snn_in_word> &in, hls::stream<snn_out_word> &out);

#endif
