// Readout of 2 classes: argmax. Generated, do not edit.
#ifndef HLSPIKE_READOUT_H
#define HLSPIKE_READOUT_H

#include "kernels/ap.h"

struct readout_ports {
    static constexpr int n = 2;
    typedef ap_ufixed<1,1> decision_t;
    typedef ap_uint<1> in_t;
};

void readout_step(const readout_ports::in_t in[readout_ports::n], hlspike::bit_t last,
                  readout_ports::decision_t &decision, hlspike::bit_t &valid);

#endif
