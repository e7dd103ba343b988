// Ingress: decides the last timestep of each sequence. Generated, do not edit.
#ifndef HLSPIKE_INPUT_H
#define HLSPIKE_INPUT_H

#include "kernels/pack.h"

struct input_ports {
    static constexpr int n = 3;
    static constexpr int word_lanes = 3;
    typedef ap_uint<64> word_t;
    typedef hlspike::word_stream<ap_fixed<12,4>> words;
    typedef ap_fixed<12,4> out_t;
    static constexpr int out_lanes = 3;
    typedef hls::stream<hlspike::pack<hlspike::raw<out_t>, 3>> out_beats;
};

void input_step(hls::stream<input_ports::word_t> &in, input_ports::out_beats &out);

#endif
