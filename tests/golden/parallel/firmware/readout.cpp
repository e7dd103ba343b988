// Readout of 2 classes: argmax. Generated, do not edit.
#include "readout.h"

#include "kernels/readout.h"

namespace {

struct readout_cfg : readout_ports {
    static constexpr int parallel = 2;
    static constexpr int groups = n / parallel;
    typedef ap_ufixed<3,3> state_t;
    typedef hlspike::accumulate integrator;
    typedef hlspike::argmax rule;
    static constexpr bool every_step = false;
};

hlspike::raw<readout_cfg::state_t> readout_state[readout_cfg::groups][readout_cfg::parallel];
hlspike::bit_t readout_fresh = 1;
hlspike::latch<readout_cfg> readout_latch = {0, 0};

}  // namespace

void readout_step(const readout_ports::in_beats &in, hlspike::bit_t last,
                  ap_uint<8> &decision, ap_uint<1> &valid) {
#pragma HLS PIPELINE II=1
#pragma HLS RESET variable=readout_fresh
#pragma HLS ARRAY_PARTITION variable=readout_state complete dim=2
    hlspike::raw<readout_cfg::decision_t> decided;
    const hlspike::bit_t emits =
        hlspike::readout<readout_cfg>(in, last, readout_fresh, readout_state, readout_latch, decided);
    const ap_uint<8> word = ap_uint<8>(decided);
    decision = word;
    valid = emits;
}

#ifndef __SYNTHESIS__
// What the timestep just done has left, for the test bench.
void readout_probe(unsigned char *, long long *state) {
    for (int k = 0; k < readout_cfg::n; k++) state[k] = readout_state[k / readout_cfg::parallel][k % readout_cfg::parallel];
}
#endif
