// The whole network, one call per timestep. Generated, do not edit.
#include "top.h"

extern "C" void snn_top(const input_ports::out_t in[3], readout_ports::decision_t &decision, hlspike::bit_t &valid) {
#pragma HLS INTERFACE s_axilite port=return
#pragma HLS ARRAY_RESHAPE variable=in complete
    hlspike::bit_t last;
    fc1_ports::out_t fc1_out[2];
#pragma HLS ARRAY_PARTITION variable=fc1_out complete
    lif1_ports::out_t lif1_out[2];
#pragma HLS ARRAY_PARTITION variable=lif1_out complete
    input_step(last);
    fc1_step(in, fc1_out);
    lif1_step(fc1_out, last, lif1_out);
    readout_step(lif1_out, last, decision, valid);
}
