// Readout of 2 classes. Generated, do not edit.
#ifndef HLSPIKE_READOUT_H
#define HLSPIKE_READOUT_H

#include "kernels/pack.h"

struct readout_ports {
    static constexpr int n = 2;
    typedef ap_fixed<12,4> decision_t;
    typedef ap_fixed<12,4> in_t;
    static constexpr int in_lanes = 2;
    typedef hls::stream<hlspike::pack<hlspike::raw<in_t>, 2>> in_beats;
};

void readout_step(readout_ports::in_beats &in, hls::stream<ap_uint<16>> &out);

#endif
