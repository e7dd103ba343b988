// The whole network, one call per timestep. Generated, do not edit.
#include "top.h"

extern "C" void snn_top(hls::stream<snn_in_word> &in, hls::stream<snn_out_word> &out) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS INTERFACE s_axilite port=return
#pragma HLS DATAFLOW
    input_ports::out_beats input_out;
#pragma HLS STREAM variable=input_out depth=2
    fc1_ports::out_beats fc1_out;
#pragma HLS STREAM variable=fc1_out depth=2
    lif1_ports::out_beats lif1_out;
#pragma HLS STREAM variable=lif1_out depth=2
    fc2_ports::out_beats fc2_out;
#pragma HLS STREAM variable=fc2_out depth=2
    input_step(in, input_out);
    fc1_step(input_out, fc1_out);
    lif1_step(fc1_out, lif1_out);
    fc2_step(lif1_out, fc2_out);
    readout_step(fc2_out, out);
}
