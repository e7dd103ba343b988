// Readout of 2 classes. Generated, do not edit.
#ifndef HLSPIKE_READOUT_H
#define HLSPIKE_READOUT_H

#include "kernels/beats.h"

struct readout_ports {
    static constexpr int n = 2;
    typedef ap_ufixed<1,1> decision_t;
    typedef ap_uint<1> in_t;
    static constexpr int in_lanes = 2;
    typedef hlspike::raw<in_t> in_beats[1][2];
};

void readout_step(const readout_ports::in_beats &in, hlspike::bit_t last,
                  ap_uint<8> &decision, ap_uint<1> &valid);

#endif
