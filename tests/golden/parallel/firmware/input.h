// Ingress: decides the last timestep of each sequence. Generated, do not edit.
#ifndef HLSPIKE_INPUT_H
#define HLSPIKE_INPUT_H

#include "kernels/words.h"

struct input_ports {
    static constexpr int n = 3;
    static constexpr int word_lanes = 3;
    typedef ap_uint<64> word_t;
    typedef hlspike::word_array<ap_fixed<12,4>> words;
    typedef ap_fixed<12,4> out_t;
    static constexpr int out_lanes = 3;
    typedef hlspike::raw<out_t> out_beats[1][3];
};

void input_step(const input_ports::word_t in[1], input_ports::out_beats &out, hlspike::bit_t &last_out);

#endif
