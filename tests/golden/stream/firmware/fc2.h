// Linear 2 -> 2. Generated, do not edit.
#ifndef HLSPIKE_FC2_H
#define HLSPIKE_FC2_H

#include "kernels/pack.h"

struct fc2_ports {
    static constexpr int n_in = 2;
    static constexpr int n_out = 2;
    typedef ap_uint<1> in_t;
    static constexpr int in_lanes = 2;
    typedef hls::stream<hlspike::pack<hlspike::raw<in_t>, 2>> in_beats;
    typedef ap_fixed<12,4> out_t;
    static constexpr int out_lanes = 2;
    typedef hls::stream<hlspike::pack<hlspike::raw<out_t>, 2>> out_beats;
};

void fc2_step(fc2_ports::in_beats &in, fc2_ports::out_beats &out);

#endif
