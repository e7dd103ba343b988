// Ingress: decides the last timestep of each sequence. Generated, do not edit.
#ifndef HLSPIKE_INPUT_H
#define HLSPIKE_INPUT_H

#include "kernels/ap.h"

struct input_ports {
    static constexpr int n = 3;
    typedef ap_fixed<12,4> out_t;
};

void input_step(hlspike::bit_t &last);

#endif
