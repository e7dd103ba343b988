// The whole network, one call per timestep. Generated, do not edit.
#ifndef HLSPIKE_TOP_H
#define HLSPIKE_TOP_H

#include "input.h"
#include "fc1.h"
#include "lif1.h"
#include "readout.h"

// A timestep comes as 1 word of 3 values of 12 bits each, the first in the lowest bits.
// `decision` counts when `valid` is 1.
typedef ap_uint<64> snn_in_word;
typedef ap_uint<8> snn_out_word;

extern "C" void snn_top(const snn_in_word in[1], snn_out_word &decision, ap_uint<1> &valid);

#endif
