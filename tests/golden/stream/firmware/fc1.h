// Linear 3 -> 2. Generated, do not edit.
#ifndef HLSPIKE_FC1_H
#define HLSPIKE_FC1_H

#include "kernels/pack.h"

struct fc1_ports {
    static constexpr int n_in = 3;
    static constexpr int n_out = 2;
    typedef ap_fixed<12,4> in_t;
    static constexpr int in_lanes = 3;
    typedef hls::stream<hlspike::pack<hlspike::raw<in_t>, 3>> in_beats;
    typedef ap_fixed<12,4> out_t;
    static constexpr int out_lanes = 2;
    typedef hls::stream<hlspike::pack<hlspike::raw<out_t>, 2>> out_beats;
};

void fc1_step(fc1_ports::in_beats &in, fc1_ports::out_beats &out);

#endif
