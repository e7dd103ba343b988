// Linear 3 -> 2. Generated, do not edit.
#ifndef HLSPIKE_FC1_H
#define HLSPIKE_FC1_H

#include "kernels/ap.h"

struct fc1_ports {
    static constexpr int n_in = 3;
    static constexpr int n_out = 2;
    typedef ap_fixed<12,4> in_t;
    typedef ap_fixed<12,4> out_t;
};

void fc1_step(const fc1_ports::in_t in[fc1_ports::n_in],
              fc1_ports::out_t out[fc1_ports::n_out]);

#endif
