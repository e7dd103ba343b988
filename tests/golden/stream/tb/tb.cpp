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
    {"readout", 2, false, "mem", readout_probe},
};
const int n_probes = 2;
#endif

bool step(const long long *frame, long long *row) {
    typedef input_ports::out_t in_t;
    static hls::stream<snn_in_pack> in;
    static hls::stream<snn_out_pack> out;
    for (int i = 0; i < 3; i += 3) {
        snn_in_pack packed;
        for (int l = 0; l < 3; l++) packed.data[l] = hlspike::from_mantissa<in_t>(frame[i + l]);
        in.write(packed);
    }
    snn_top(in, out);
    if (out.empty()) return false;
    row[0] = hlspike::to_mantissa(out.read());
    return true;
}

}  // namespace

int main(int argc, char **argv) {
    return harness::run(3, 1, step, probes, n_probes, argc, argv);
}
