// Readout of 2 classes: binary_logit. Generated, do not edit.
#ifndef HLSPIKE_READOUT_H
#define HLSPIKE_READOUT_H

#include "kernels/pack.h"

struct readout_ports {
    static constexpr int n = 2;
    typedef ap_fixed<12,4> decision_t;
    typedef ap_fixed<12,4> in_t;
    typedef hlspike::pack<in_t, 2> in_pack;
};

void readout_step(hls::stream<readout_ports::in_pack> &in, hls::stream<readout_ports::decision_t> &out);

#endif
