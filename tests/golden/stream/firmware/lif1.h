// 2 neurons of type IFNeuron. Generated, do not edit.
#ifndef HLSPIKE_LIF1_H
#define HLSPIKE_LIF1_H

#include "kernels/pack.h"

struct lif1_ports {
    static constexpr int n = 2;
    typedef ap_fixed<12,4> in_t;
    static constexpr int in_lanes = 2;
    typedef hls::stream<hlspike::pack<hlspike::raw<in_t>, 2>> in_beats;
    typedef ap_uint<1> out_t;
    static constexpr int out_lanes = 2;
    typedef hls::stream<hlspike::pack<hlspike::raw<out_t>, 2>> out_beats;
};

void lif1_step(lif1_ports::in_beats &in, lif1_ports::out_beats &out);

#endif
