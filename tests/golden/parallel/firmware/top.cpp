// The whole network, one call per timestep. Generated, do not edit.
#include "top.h"

extern "C" void snn_top(const snn_in_word in[1], snn_out_word &decision, ap_uint<1> &valid) {
#pragma HLS INTERFACE s_axilite port=return
#pragma HLS ARRAY_PARTITION variable=in complete
#pragma HLS DATAFLOW
    input_ports::out_beats input_out;
#pragma HLS ARRAY_PARTITION variable=input_out complete dim=0
    hlspike::bit_t input_last;
    fc1_ports::out_beats fc1_out;
#pragma HLS ARRAY_PARTITION variable=fc1_out complete dim=0
    hlspike::bit_t fc1_last;
    lif1_ports::out_beats lif1_out;
#pragma HLS ARRAY_PARTITION variable=lif1_out complete dim=0
    hlspike::bit_t lif1_last;
    input_step(in, input_out, input_last);
    fc1_step(input_out, input_last, fc1_out, fc1_last);
    lif1_step(fc1_out, fc1_last, lif1_out, lif1_last);
    readout_step(lif1_out, lif1_last, decision, valid);
}
