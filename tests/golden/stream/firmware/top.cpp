// The whole network, one call per timestep. Generated, do not edit.
#include "top.h"

extern "C" void snn_top(hls::stream<snn_in_pack> &in, hls::stream<snn_out_pack> &out) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS INTERFACE s_axilite port=return
#pragma HLS DATAFLOW
    hls::stream<input_ports::out_pack> input_out;
#pragma HLS STREAM variable=input_out depth=2
    hls::stream<fc1_ports::out_pack> fc1_out;
#pragma HLS STREAM variable=fc1_out depth=2
    hls::stream<lif1_ports::out_pack> lif1_out;
#pragma HLS STREAM variable=lif1_out depth=2
    hls::stream<fc2_ports::out_pack> fc2_out;
#pragma HLS STREAM variable=fc2_out depth=2
    input_step(in, input_out);
    fc1_step(input_out, fc1_out);
    lif1_step(fc1_out, lif1_out);
    fc2_step(lif1_out, fc2_out);
    readout_step(fc2_out, out);
}
