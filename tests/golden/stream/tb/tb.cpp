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
    {"readout", 2, false, "mem", readout_probe},
};
const int n_probes = 2;
#endif

bool step(const unsigned char *frame, bool, long long *row) {
    static hls::stream<snn_in_word> in;
    static hls::stream<snn_out_word> out;
#ifdef HLSPIKE_BOUNDED
    // Of the FIFOs in the order in which snn_top makes them; see bounded/hls_stream.h.
    static const int depths[] = {2, 2, 2, 2};
    static const bool told = (hls::depths::of(depths, 4), true);
    (void)told;
#endif
    for (int i = 0; i < 1; i++) in.write(harness::word_at<64>(frame, i * 36));
    snn_top(in, out);
    if (out.empty()) return false;
    const snn_out_word decision = out.read();
    const bool valid = true;
    row[0] = ap_int<16>(decision).to_int64();
    return valid != 0;
}

}  // namespace

int main(int argc, char **argv) {
    return harness::run(5, 1, step, probes, n_probes, argc, argv);
}
