// 2 leaky integrate-and-fire neurons. Generated, do not edit.
#ifndef HLSPIKE_LIF1_H
#define HLSPIKE_LIF1_H

#include "kernels/ap.h"

struct lif1_ports {
    static constexpr int n = 2;
    typedef ap_fixed<12,4> in_t;
    typedef ap_uint<1> out_t;
};

void lif1_step(const lif1_ports::in_t in[lif1_ports::n], hlspike::bit_t last,
               lif1_ports::out_t out[lif1_ports::n]);

#endif
