// Test bench: what harness.h runs. Generated, do not edit.
#include "harness.h"

#include "../firmware/top.h"

#ifndef HLSPIKE_NO_PROBES
void lif1_probe(unsigned char *spikes, long long *state);
void readout_probe(unsigned char *spikes, long long *state);
#endif

namespace {

#ifdef HLSPIKE_NO_PROBES
// For co-simulation, which may link the synthesised function alone.
const harness::probe *const probes = nullptr;
const int n_probes = 0;
#else
const harness::probe probes[] = {
    {"lif1", 2, true, "mem", lif1_probe},
    {"readout", 2, false, "count", readout_probe},
};
const int n_probes = 2;
#endif

bool step(const long long *frame, long long *row) {
    typedef input_ports::out_t in_t;
    static in_t in[3];
    for (int i = 0; i < 3; i++) in[i] = hlspike::from_mantissa<in_t>(frame[i]);
    readout_ports::decision_t decision;
    hlspike::bit_t valid;
    snn_top(in, decision, valid);
    row[0] = hlspike::to_mantissa(decision);
    return valid != 0;
}

}  // namespace

int main(int argc, char **argv) {
    return harness::run(3, 1, step, probes, n_probes, argc, argv);
}
