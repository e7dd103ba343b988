// Linear 2 -> 2. Generated, do not edit.
#ifndef HLSPIKE_FC2_H
#define HLSPIKE_FC2_H

#include "kernels/pack.h"

struct fc2_ports {
    static constexpr int n_in = 2;
    static constexpr int n_out = 2;
    typedef ap_uint<1> in_t;
    typedef hlspike::pack<in_t, 2> in_pack;
    typedef ap_fixed<12,4> out_t;
    typedef hlspike::pack<out_t, 2> out_pack;
};

void fc2_step(hls::stream<fc2_ports::in_pack> &in, hls::stream<fc2_ports::out_pack> &out);

#endif
