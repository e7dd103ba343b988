// Ingress: decides the last timestep of each sequence. Generated, do not edit.
#ifndef HLSPIKE_INPUT_H
#define HLSPIKE_INPUT_H

#include "kernels/pack.h"

struct input_ports {
    static constexpr int n = 3;
    typedef ap_fixed<12,4> out_t;
    typedef hlspike::pack<out_t, 3> out_pack;
    typedef hlspike::lane_group<out_t, 3> in_pack;
};

void input_step(hls::stream<input_ports::in_pack> &in, hls::stream<input_ports::out_pack> &out);

#endif
