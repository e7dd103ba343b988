// Test bench: what harness.h runs. Generated, do not edit.
#include "harness.h"
#include "word.h"

#include "../firmware/top.h"

#ifndef HLSPIKE_NO_PROBES
void lif1_probe(unsigned char *spikes, long long *states);
void readout_probe(unsigned char *spikes, long long *states);
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

bool step(const unsigned char *frame, bool, long long *row) {
    static snn_in_word in[1];
    for (int i = 0; i < 1; i++) in[i] = harness::word_at<64>(frame, i * 36);
    snn_out_word decision;
    ap_uint<1> valid;
    snn_top(in, decision, valid);
    row[0] = ap_uint<8>(decision).to_int64();
    return valid != 0;
}

}  // namespace

int main(int argc, char **argv) {
    return harness::run(5, 1, step, probes, n_probes, argc, argv);
}
