// 2 integrate-and-fire neurons. Generated, do not edit.
#ifndef HLSPIKE_LIF1_H
#define HLSPIKE_LIF1_H

#include "kernels/pack.h"

struct lif1_ports {
    static constexpr int n = 2;
    typedef ap_fixed<12,4> in_t;
    typedef hlspike::pack<in_t, 2> in_pack;
    typedef ap_uint<1> out_t;
    typedef hlspike::pack<out_t, 2> out_pack;
};

void lif1_step(hls::stream<lif1_ports::in_pack> &in, hls::stream<lif1_ports::out_pack> &out);

#endif
