// 2 neurons of type LIFNeuron. Generated, do not edit.
#ifndef HLSPIKE_LIF1_H
#define HLSPIKE_LIF1_H

#include "kernels/beats.h"

struct lif1_ports {
    static constexpr int n = 2;
    typedef ap_fixed<12,4> in_t;
    static constexpr int in_lanes = 2;
    typedef hlspike::raw<in_t> in_beats[1][2];
    typedef ap_uint<1> out_t;
    static constexpr int out_lanes = 2;
    typedef hlspike::raw<out_t> out_beats[1][2];
};

void lif1_step(const lif1_ports::in_beats &in, hlspike::bit_t last, lif1_ports::out_beats &out,
               hlspike::bit_t &last_out);

#endif
