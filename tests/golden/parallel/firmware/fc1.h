// Linear 3 -> 2. Generated, do not edit.
#ifndef HLSPIKE_FC1_H
#define HLSPIKE_FC1_H

#include "kernels/beats.h"

struct fc1_ports {
    static constexpr int n_in = 3;
    static constexpr int n_out = 2;
    typedef ap_fixed<12,4> in_t;
    static constexpr int in_lanes = 3;
    typedef hlspike::raw<in_t> in_beats[1][3];
    typedef ap_fixed<12,4> out_t;
    static constexpr int out_lanes = 2;
    typedef hlspike::raw<out_t> out_beats[1][2];
};

void fc1_step(const fc1_ports::in_beats &in, hlspike::bit_t last, fc1_ports::out_beats &out,
              hlspike::bit_t &last_out);

#endif
