// Linear 3 -> 2. Generated, do not edit.
#ifndef HLSPIKE_FC1_H
#define HLSPIKE_FC1_H

#include "kernels/pack.h"

struct fc1_ports {
    static constexpr int n_in = 3;
    static constexpr int n_out = 2;
    typedef ap_fixed<12,4> in_t;
    typedef hlspike::pack<in_t, 3> in_pack;
    typedef ap_fixed<12,4> out_t;
    typedef hlspike::pack<out_t, 2> out_pack;
};

void fc1_step(hls::stream<fc1_ports::in_pack> &in, hls::stream<fc1_ports::out_pack> &out);

#endif
